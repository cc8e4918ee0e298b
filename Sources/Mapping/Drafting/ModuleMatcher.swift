internal import TensorFerryTensors

/// Matches the modules of a target scope with those of the source scopes that have as many blocks.
///
/// The rounds go from the strongest evidence to the weakest: equal names, equal roles, similar words, shapes. A match
/// needs its evidence to be unique in both directions; whatever ties is left alone.
struct ModuleMatcher {
  let targets: [DraftModule]
  let sources: [DraftModule]
  let layout: ParameterLayout?
  private(set) var matches: [ModuleMatch] = []
  private var openTargets: Set<Int>
  private var freeSources: Set<Int>

  init(_ targets: [DraftModule], _ sources: [DraftModule], layout: ParameterLayout?) {
    self.targets = targets
    self.sources = sources
    self.layout = layout
    openTargets = Set(targets.indices)
    freeSources = Set(sources.indices)
    matchEqualNames()
    matchRoles()
    matchWords()
    matchShapes()
    gatherShapes()
  }

  private mutating func accept(_ match: ModuleMatch) {
    matches.append(match)
    openTargets.subtract(match.targets)
    freeSources.subtract(match.sources)
  }

  // MARK: Hard constraints

  /// All ways in which the member of a source module can be that of a target module.
  func fits(_ source: DraftModule.Member, _ target: DraftModule.Member, role: ModuleRole?) -> [ShapeFit] {
    guard source.dtype.canBecome(target.dtype) else { return [] }
    return ShapeFit.all(source.shape, to: target.shape, role: role, layout: layout)
  }

  static func rolesAgree(_ a: DraftModule, _ b: DraftModule) -> Bool {
    guard let first = a.role, let second = b.role else { return true }
    return first == second
  }

  /// True if every parameter that both modules have fits, and the target's weight is among them.
  private func isPossible(_ target: DraftModule, _ source: DraftModule) -> Bool {
    let shared = target.members.keys.filter { source.members[$0] != nil }
    guard shared.contains(.weight) || target.members[.weight] == nil && !shared.isEmpty else { return false }
    return shared.allSatisfy { leaf in
      guard let wanted = target.members[leaf], let found = source.members[leaf] else { return false }
      return !fits(found, wanted, role: target.role ?? source.role).isEmpty
    }
  }

  /// The same, and neither has a parameter that the other lacks.
  private func isComplete(_ target: DraftModule, _ source: DraftModule) -> Bool {
    Set(target.members.keys) == Set(source.members.keys) && isPossible(target, source)
      && Self.rolesAgree(target, source)
  }

  // MARK: Equal names

  /// Takes names that are the target's behind one prefix, if no other prefix explains as many.
  private mutating func matchEqualNames() {
    var byPrefix: [String: [(Int, Int)]] = [:]
    for (target, wanted) in targets.enumerated() {
      guard let (leaf, member) = wanted.members.first(where: { $0.key != .bias }) ?? wanted.members.first else {
        continue
      }
      for (source, module) in sources.enumerated() {
        guard let found = module.members[leaf], let name = found.names.first, let own = member.names.first,
          name == own || name.hasSuffix("." + own) || name.hasSuffix("/" + own)
        else { continue }
        let prefix = String(name.dropLast(own.count))
        guard zip(found.names, member.names).allSatisfy({ $0 == prefix + $1 }) else { continue }
        byPrefix[prefix, default: []].append((target, source))
      }
    }
    let most = byPrefix.values.map(\.count).max() ?? 0
    let best = byPrefix.filter { $0.value.count == most }
    guard best.count == 1, let (prefix, pairs) = best.first else { return }
    guard most > 1 || prefix.isEmpty || targets.count == 1 else { return }
    for (target, source) in pairs where isPossible(targets[target], sources[source]) {
      let reason = prefix.isEmpty ? "same name" : "same name behind '\(prefix)'"
      accept(ModuleMatch(form: .same, targets: [target], sources: [source], reason: reason, confidence: 1))
    }
  }

  // MARK: Roles

  private mutating func matchRoles() {
    for target in targets.indices where openTargets.contains(target) {
      guard let role = targets[target].role, role != .other, role != .unorderedQueryKeyValue else { continue }
      // Others of this role that cannot be meant for their shapes do not compete.
      let found = sources.indices.filter { sources[$0].role == role && isPossible(targets[target], sources[$0]) }
      guard found.count == 1, let source = found.first, freeSources.contains(source) else { continue }
      let rivals = targets.indices.filter { targets[$0].role == role && isPossible(targets[$0], sources[source]) }
      guard rivals.count == 1 else { continue }
      let reason =
        "'\(sources[source].title)' and '\(targets[target].title)' are each the only \(role.rawValue) that fits"
      accept(ModuleMatch(form: .same, targets: [target], sources: [source], reason: reason, confidence: 0.95))
    }
    let parts: [ModuleRole] = [.query, .key, .value]
    let wanted = parts.compactMap { only($0, among: targets) }
    let found = parts.compactMap { only($0, among: sources) }
    let fused = (only(.fusedQueryKeyValue, among: targets), only(.fusedQueryKeyValue, among: sources))
    if let target = fused.0, openTargets.contains(target), fused.1 == nil, isAbsent(.unorderedQueryKeyValue),
      found.count == 3, found.allSatisfy(freeSources.contains)
    {
      let titles = found.map { "'\(sources[$0].title)'" }.joined(separator: ", ")
      let reason = "\(titles) are query, key and value; '\(targets[target].title)' holds them in this order"
      accept(ModuleMatch(form: .joined, targets: [target], sources: found, reason: reason, confidence: 0.95))
    }
    if let source = fused.1, freeSources.contains(source), found.isEmpty, wanted.count == 3,
      wanted.allSatisfy(openTargets.contains)
    {
      let reason = "'\(sources[source].title)' holds query, key and value in this order"
      accept(ModuleMatch(form: .split, targets: wanted, sources: [source], reason: reason, confidence: 0.9))
    }
  }

  private func isAbsent(_ role: ModuleRole) -> Bool { !sources.contains { $0.role == role } }

  /// The only module with a role.
  func only(_ role: ModuleRole, among modules: [DraftModule]) -> Int? {
    let found = modules.indices.filter { modules[$0].role == role }
    return found.count == 1 ? found[0] : nil
  }

  // MARK: Words

  private mutating func matchWords() {
    let targets = openTargets.sorted().filter { self.targets[$0].role == nil }
    let sources = freeSources.sorted()
    var scores: [Int: [Int: Double]] = [:]
    var backwards: [Int: [Int: Double]] = [:]
    for target in targets {
      for source in sources where isComplete(self.targets[target], self.sources[source]) {
        let score = NameSimilarity.between(self.targets[target], self.sources[source])
        scores[target, default: [:]][source] = score
        backwards[source, default: [:]][target] = score
      }
    }
    for target in targets {
      guard let source = Self.clearBest(scores[target] ?? [:]),
        Self.clearBest(backwards[source] ?? [:]) == target, let score = scores[target]?[source]
      else { continue }
      let reason = "'\(self.sources[source].title)' is most like '\(self.targets[target].title)', and its shapes fit"
      accept(
        ModuleMatch(
          form: .same, targets: [target], sources: [source], reason: reason, confidence: 0.6 + 0.3 * score))
    }
  }

  /// The best of several, if it is good and the next is far behind.
  private static func clearBest(_ scores: [Int: Double]) -> Int? {
    let ranked = scores.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    guard let best = ranked.first, best.value >= 0.6 else { return nil }
    guard ranked.count == 1 || best.value - ranked[1].value >= 0.3 else { return nil }
    return best.key
  }

  // MARK: Shapes

  /// A vector of the network's width can be anything; fused parts have an order that shapes do not tell.
  private static let neverByShape: Set<ModuleRole> = [
    .finalNorm, .attentionNorm, .feedForwardNorm, .fusedQueryKeyValue, .unorderedQueryKeyValue, .embedding, .other,
  ]

  /// Takes what fits only one another among *all* modules, whether they are matched already or not: excluded by
  /// shapes alone, not by earlier choices.
  private mutating func matchShapes() {
    for target in openTargets.sorted() where targets[target].role.map(Self.neverByShape.contains) != true {
      let possible = sources.indices.filter { fitsByShape(targets[target], sources[$0]) }
      guard possible.count == 1, let source = possible.first, freeSources.contains(source) else { continue }
      guard targets.indices.filter({ fitsByShape(targets[$0], sources[source]) }).count == 1 else { continue }
      let reason = "the shapes of '\(sources[source].title)' fit nothing else, and nothing else fits"
      accept(ModuleMatch(form: .same, targets: [target], sources: [source], reason: reason, confidence: 0.75))
    }
  }

  /// The same for names that do not even say what is a weight: both parameters of a module must be unique, and named
  /// alike, so that a stranger of one fitting shape is not enough.
  private mutating func gatherShapes() {
    let opaque = sources.indices.filter { sources[$0].members[.unknown] != nil && sources[$0].role == nil }
    func fitting(_ wanted: DraftModule.Member) -> [Int] {
      opaque.filter { index in
        guard let found = sources[index].members[.unknown] else { return false }
        return fits(found, wanted, role: nil).contains { !$0.isReshaped }
      }
    }
    let claims = targets.flatMap { $0.members.values.map(fitting) }
    for target in openTargets.sorted() where targets[target].role.map(Self.neverByShape.contains) != true {
      guard let weight = targets[target].members[.weight], let bias = targets[target].members[.bias] else { continue }
      let found = [fitting(weight), fitting(bias)]
      guard found.allSatisfy({ $0.count == 1 }), Set(found.joined()).count == 2 else { continue }
      let pair = found.flatMap { $0 }
      guard pair.allSatisfy({ source in claims.filter { $0.contains(source) }.count == 1 }) else { continue }
      // A stranger that has the size of a bias, such as a table of frequencies, rarely has the names' scheme too.
      guard Set(pair.map { sources[$0].members[.unknown]?.names.first.map(Self.depth) }).count == 1 else { continue }
      let reason = "the shapes of '\(sources[pair[0]].title)' and '\(sources[pair[1]].title)' fit nothing else"
      accept(ModuleMatch(form: .gathered, targets: [target], sources: pair, reason: reason, confidence: 0.75))
    }
  }

  private static func depth(_ name: String) -> Int { name.split { "./".contains($0) }.count }

  private func fitsByShape(_ target: DraftModule, _ source: DraftModule) -> Bool {
    guard Self.rolesAgree(target, source) else { return false }
    let leaves = Set(target.members.keys)
    guard leaves == Set(source.members.keys) else { return false }
    return leaves.allSatisfy { leaf in
      guard let wanted = target.members[leaf], let found = source.members[leaf] else { return false }
      return fits(found, wanted, role: target.role).contains { !$0.isReshaped }
    }
  }
}
