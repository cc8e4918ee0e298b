internal import TensorFerryTensors

/// Writes matches of modules out as steps for tensors, and whatever cannot be decided as questions.
struct DraftWriter {
  let target: DraftScope
  let sources: [DraftModule]
  let matcher: ModuleMatcher
  private let evidence: LayoutEvidence
  private(set) var steps: [DraftStep] = []
  private(set) var open: [OpenChoice] = []

  init(_ target: DraftScope, _ sources: [DraftModule], layout: ParameterLayout?) {
    self.target = target
    self.sources = sources
    matcher = ModuleMatcher(target.modules, sources, layout: layout)
    evidence = Self.evidence(matcher, isInBlocks: target.indices != nil)
    for match in matcher.matches {
      switch match.form {
      case .same, .gathered: writeSame(match)
      case .joined: writeJoined(match)
      case .split: writeSplit(match)
      }
    }
  }

  // MARK: Layout

  /// One matrix of a match: what is stored, and what the target wants of it.
  private struct Part {
    let source: DraftModule.Member
    let title: String
    let fits: [ShapeFit]
    var family: LayoutEvidence.Family
  }

  private static func evidence(_ matcher: ModuleMatcher, isInBlocks: Bool) -> LayoutEvidence {
    var evidence = LayoutEvidence(isInBlocks: isInBlocks)
    for match in matcher.matches {
      for part in parts(of: match, .weight, matcher) { evidence.add(part.fits, of: part.title, part.family) }
    }
    return evidence
  }

  /// The pieces of a parameter that a match joins, or the only one.
  private static func parts(of match: ModuleMatch, _ leaf: Leaf, _ matcher: ModuleMatcher) -> [Part] {
    let wanted = match.targets.compactMap { matcher.targets[$0].members[leaf]?.shape }
    guard wanted.count == match.targets.count, let first = wanted.first else { return [] }
    let dtype = matcher.targets[match.targets[0]].members[leaf]?.dtype ?? .f32
    let sources = match.form == .gathered ? [match.sources[leaf == .weight ? 0 : 1]] : match.sources
    return sources.compactMap { index in
      let module = matcher.sources[index]
      guard let member = module.members[match.form == .gathered ? .unknown : leaf] else { return nil }
      let shape: Shape?
      switch match.form {
      case .same, .gathered: shape = first
      // The piece of a joined matrix has as many rows as its elements fill.
      case .joined: shape = rows(member.shape.elementCount / max(1, elements(first.dimensions.dropFirst())), first)
      case .split:
        let (count, overflow) = (first.dimensions.first ?? 0).multipliedReportingOverflow(by: wanted.count)
        shape = Set(wanted).count == 1 && !overflow ? rows(count, first) : nil
      }
      guard let shape else { return nil }
      let wantedMember = DraftModule.Member(shape: shape, dtype: dtype, leafWord: "", names: [])
      let fits = matcher.fits(member, wantedMember, role: module.role)
      let family = LayoutEvidence.Family(leafWord: member.leafWord, rank: shape.rank)
      return Part(source: member, title: module.title, fits: fits, family: family)
    }
  }

  private static func rows(_ count: Int, _ shape: Shape) -> Shape? {
    guard shape.rank > 0 else { return nil }
    return try? Shape([count] + shape.dimensions.dropFirst())
  }

  private static func elements(_ dimensions: ArraySlice<Int>) -> Int { dimensions.reduce(1, *) }

  // MARK: Steps

  private mutating func writeSame(_ match: ModuleMatch) {
    let module = target.modules[match.targets[0]]
    for (leaf, member) in module.members.sorted(by: { $0.value.names[0] < $1.value.names[0] }) {
      guard let part = Self.parts(of: match, leaf, matcher).first, !part.fits.isEmpty else { continue }
      guard let choice = evidence.choose(part.fits, part.family) else {
        askLayout(part, of: member, match)
        continue
      }
      for (target, source) in zip(member.names, part.source.names) {
        append([target], [source], choice.fit.transforms, match, choice)
      }
    }
  }

  private mutating func writeJoined(_ match: ModuleMatch) {
    let module = target.modules[match.targets[0]]
    for (leaf, member) in module.members.sorted(by: { $0.value.names[0] < $1.value.names[0] }) {
      let parts = Self.parts(of: match, leaf, matcher)
      let choices = parts.compactMap { evidence.choose($0.fits, $0.family) }
      guard parts.count == match.sources.count, choices.count == parts.count, let choice = choices.first else {
        continue
      }
      // All pieces are stored alike, and together they fill the target.
      let total = parts.map(\.source.shape.elementCount).reduce(0) { $0.addingReportingOverflow($1).partialValue }
      guard choices.allSatisfy({ $0.fit.orientation == choice.fit.orientation }), total == member.shape.elementCount,
        choices.allSatisfy({ $0.fit.transforms == choice.fit.transforms })
      else { continue }
      for (block, target) in member.names.enumerated() {
        let names = parts.map { $0.source.names[block] }
        append([target], names, choice.fit.transforms + [.concatenate(axis: 0)], match, choice)
      }
    }
  }

  private mutating func writeSplit(_ match: ModuleMatch) {
    let modules = match.targets.map { target.modules[$0] }
    for leaf in [Leaf.weight, .bias] {
      let members = modules.compactMap { $0.members[leaf] }
      guard members.count == modules.count, let part = Self.parts(of: match, leaf, matcher).first,
        let choice = evidence.choose(part.fits, part.family)
      else { continue }
      for (block, source) in part.source.names.enumerated() {
        let split = TensorTransform.split(axis: 0, parts: members.count)
        append(members.map { $0.names[block] }, [source], choice.fit.transforms + [split], match, choice)
      }
    }
  }

  private mutating func append(
    _ targets: [String], _ sources: [String], _ transforms: [TensorTransform], _ match: ModuleMatch,
    _ choice: (fit: ShapeFit, reason: String?, factor: Double)
  ) {
    let blocks = target.count > 1 ? ["blocks in the order of their numbers"] : []
    let reason = ([match.reason] + [choice.reason].compactMap { $0 } + blocks).joined(separator: "; ")
    steps.append(
      DraftStep(
        targets: targets, sources: sources, transforms: transforms, reason: reason,
        confidence: match.confidence * choice.factor))
  }

  /// Several ways to read a matrix fit, and nothing tells which.
  private mutating func askLayout(_ part: Part, of member: DraftModule.Member, _ match: ModuleMatch) {
    for (target, source) in zip(member.names, part.source.names) {
      let candidates = part.fits.map { fit in
        OpenChoice.Candidate(
          sources: [source], transforms: fit.transforms,
          reason: match.reason + "; if it is stored as \(fit.orientation?.rawValue ?? "it is")",
          confidence: match.confidence / Double(part.fits.count))
      }
      let ways = part.fits.compactMap(\.orientation?.rawValue).joined(separator: " or ")
      open.append(
        OpenChoice(
          target: target, candidates: candidates,
          question: "'\(source)' \(part.source.shape) fits '\(target)' both ways: is it stored as \(ways)?"))
    }
  }
}
