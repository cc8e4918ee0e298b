internal import TensorFerryTensors

/// Applies the rules of a mapping to the names and types of a source; reads nothing.
struct MappingResolver {
  private let mapping: WeightMapping
  /// What rules can take: the tensors of the source, and what earlier rules made under names with `$`.
  private var available: [String: TensorType] = [:]
  private var names: [String] = []
  private(set) var steps: [MappingStep] = []
  private(set) var dropped: [(name: String, place: Place?)] = []
  private(set) var problems: [MappingProblem] = []
  /// Targets whose rule has a problem.
  private(set) var failed: Set<String> = []
  private var makers: [String: Place?] = [:]
  private var takers: [String: [(place: Place?, part: Part)]] = [:]

  /// Which elements of a source a step takes.
  private enum Part {
    case all
    case none
    case indices(axis: Int, Range<Int>)
  }

  /// - Parameter source: the names and types, in order.
  init(_ mapping: WeightMapping, _ source: [(name: String, type: TensorType)]) {
    self.mapping = mapping
    names = source.map(\.name)
    available = Dictionary(source.map { ($0.name, $0.type) }) { first, _ in first }
    for rule in orderedRules() {
      switch rule.kind {
      case .map(let targets, let sources, let transforms): add(rule, targets, sources, transforms)
      case .constant(let name, let type, let value): addConstant(rule, name, type, value)
      case .drop(let glob): drop(rule, glob)
      case .keep: continue
      }
    }
    for rule in mapping.rules { if case .keep(let glob) = rule.kind { keep(rule, glob, source) } }
    applyDTypes()
    checkConsumption(source)
    sortSteps(source)
  }

  // MARK: Rules

  /// The rules such that what leads from one to another is made before it is taken.
  private mutating func orderedRules() -> [MappingRule] {
    func heads(_ patterns: [NamePattern]) -> Set<String> {
      Set(
        patterns.compactMap { if case .literal(let text)? = $0.parts.first, text.isIntermediate { text } else { nil } })
    }
    let links = mapping.rules.map { rule -> (made: Set<String>, taken: Set<String>) in
      guard case .map(let targets, let sources, _) = rule.kind else { return ([], []) }
      return (heads(targets), heads(sources))
    }
    var done: [MappingRule] = []
    var waiting = Array(mapping.rules.indices)
    while !waiting.isEmpty {
      let unmade = waiting.reduce(into: Set<String>()) { $0.formUnion(links[$1].made) }
      let ready = waiting.filter { links[$0].taken.isDisjoint(with: unmade) }
      if ready.isEmpty {
        for index in waiting {
          problems.append(
            .init(
              .cycle,
              "the rule takes \(links[index].taken.sorted().joined(separator: ", ")), which is made only from what it makes",
              place: mapping.rules[index].place))
        }
        break
      }
      done += ready.map { mapping.rules[$0] }
      waiting.removeAll(where: ready.contains)
    }
    return done
  }

  private mutating func add(
    _ rule: MappingRule, _ targets: [NamePattern], _ sources: [NamePattern], _ transforms: [TensorTransform]
  ) {
    let found = RuleInstances(rule, targets, sources, in: names) { available[$0] != nil }
    problems += found.problems
    for instance in found.instances {
      if instance.isComplete, let step = step(rule, instance, targets, transforms) {
        register(step, rule)
      } else {
        // What a broken rule would have taken and made is not reported a second time.
        for source in instance.sources { takers[source, default: []].append((rule.place, .none)) }
        failed.formUnion(targets.compactMap { $0.name(with: instance.bindings) })
      }
    }
    if found.instances.isEmpty, !rule.isOptional { failed.formUnion(targets.compactMap(\.literal)) }
  }

  private mutating func step(
    _ rule: MappingRule, _ instance: RuleInstance, _ targets: [NamePattern], _ transforms: [TensorTransform]
  ) -> MappingStep? {
    var types = [instance.sources.compactMap { available[$0] }]
    var resolved: [TensorTransform] = []
    for (index, transform) in transforms.enumerated() {
      let transform = if case .share = transform { TensorTransform.share(targets.count) } else { transform }
      do {
        types.append(try transform.results(of: types[index]))
        resolved.append(transform)
      } catch {
        let misfit = error as? TransformMisfit
        problems.append(
          .init(
            .transform, source: instance.sources.first, "\(list(instance.sources)): \(misfit?.reason ?? "\(error)")",
            suggestion: misfit?.suggestion,
            place: index < rule.transformPlaces.count ? rule.transformPlaces[index] : rule.place))
        return nil
      }
    }
    let count = types[types.count - 1].count
    let results: [String]
    if let counter = instance.counter {
      results = (0..<count).compactMap { number in
        targets[0].name(with: instance.bindings.merging([counter: String(number)]) { $1 })
      }
    } else {
      results = targets.compactMap { $0.name(with: instance.bindings) }
    }
    guard results.count == count else {
      let hint =
        results.count == 1
        ? "concatenate or stack them" : count == 1 ? "split it, or 'share' it under all names" : nil
      problems.append(
        .init(
          .transform, source: instance.sources.first,
          "\(list(instance.sources)) give \(count) tensors for \(results.count) targets, \(list(results))",
          suggestion: hint, place: rule.place))
      return nil
    }
    return MappingStep(
      sources: instance.sources, transforms: resolved, targets: results, types: types, place: rule.place)
  }

  private func list(_ names: [String]) -> String {
    names.prefix(4).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ") + (names.count > 4 ? ", ..." : "")
  }

  private mutating func register(_ step: MappingStep, _ rule: MappingRule) {
    for (target, type) in zip(step.targets, step.results) {
      if let other = makers.updateValue(rule.place, forKey: target) {
        problems.append(
          .init(
            .collision, parameter: target,
            "'\(target.escapedForDisplay)' is made by another rule already\(other.map { ", \($0)" } ?? "")",
            suggestion: "rename one of the targets, or drop one of the sources", place: rule.place))
        continue
      }
      guard target.isIntermediate else { continue }
      available[target] = type
      names.append(target)
    }
    for (index, source) in step.sources.enumerated() {
      let part = Self.part(step.transforms.first, step.types[0][index])
      if let other = takers[source]?.first(where: { Self.overlaps($0.part, part) }) {
        problems.append(
          .init(
            .overlap, source: source,
            "'\(source.escapedForDisplay)' is taken by another rule already\(other.place.map { ", \($0)" } ?? "")",
            suggestion: "a tensor goes to several targets by one rule: to: [a, b], apply: share", place: rule.place))
      }
      takers[source, default: []].append((rule.place, part))
    }
    steps.append(step)
  }

  private static func part(_ transform: TensorTransform?, _ type: TensorType) -> Part {
    transform?.range(of: type).map { .indices(axis: $0.axis, $0.indices) } ?? .all
  }

  private static func overlaps(_ left: Part, _ right: Part) -> Bool {
    switch (left, right) {
    case (.none, _), (_, .none): false
    case (.indices(let a, let x), .indices(let b, let y)) where a == b: x.overlaps(y)
    default: true
    }
  }

  private mutating func addConstant(_ rule: MappingRule, _ name: String, _ type: TensorType, _ value: Double) {
    register(
      MappingStep(
        sources: [], transforms: [.constant(type, value)], targets: [name], types: [[], [type]], place: rule.place),
      rule)
  }

  private mutating func drop(_ rule: MappingRule, _ glob: NameGlob) {
    let matches = names.filter { !$0.isIntermediate && glob.matches($0) }
    if matches.isEmpty { return reportUnused(rule, glob) }
    for name in matches {
      dropped.append((name, rule.place))
      if let other = takers.updateValue([(rule.place, .all)], forKey: name)?.first {
        problems.append(
          .init(
            .overlap, source: name,
            "'\(name.escapedForDisplay)' is dropped, and another rule takes it\(other.place.map { ", \($0)" } ?? "")",
            place: rule.place))
      }
    }
  }

  private mutating func keep(_ rule: MappingRule, _ glob: NameGlob, _ source: [(name: String, type: TensorType)]) {
    let rest = source.filter { takers[$0.name] == nil && glob.matches($0.name) }
    if rest.isEmpty { return reportUnused(rule, glob) }
    for (name, type) in rest {
      register(
        MappingStep(sources: [name], transforms: [], targets: [name], types: [[type]], place: rule.place), rule)
    }
  }

  private mutating func reportUnused(_ rule: MappingRule, _ glob: NameGlob) {
    guard !rule.isOptional else { return }
    problems.append(
      .init(
        .unusedRule, "'\(glob.pattern.escapedForDisplay)' matches no tensor that is left",
        suggestion: "remove the rule, or mark it optional", place: rule.place))
  }

  // MARK: The whole

  private mutating func applyDTypes() {
    var used: Set<Int> = []
    for (index, step) in steps.enumerated() {
      let wanted = zip(step.targets, step.results).map { target, type -> DType in
        // Counters and masks keep their types, whatever a pattern says of all names.
        guard type.dtype.isFloatingPoint,
          let rule = mapping.dtypes.firstIndex(where: { !target.isIntermediate && $0.names.matches(target) })
        else { return type.dtype }
        used.insert(rule)
        return mapping.dtypes[rule].dtype
      }
      guard wanted != step.results.map(\.dtype) else { continue }
      let isOne = Set(wanted).count == 1
      do {
        steps[index] = try step.appending(isOne ? .cast(wanted[0]) : .castEach(wanted))
      } catch {
        let place = mapping.dtypes.first { $0.names.matches(step.targets[0]) }?.place
        problems.append(
          .init(.dtype, parameter: step.targets[0], (error as? TransformMisfit)?.reason ?? "\(error)", place: place))
      }
    }
    for (index, rule) in mapping.dtypes.enumerated() where !used.contains(index) {
      problems.append(
        .init(
          .unusedRule, "'\(rule.names.pattern.escapedForDisplay)' of 'dtypes' decides the type of no target",
          place: rule.place))
    }
  }

  private mutating func checkConsumption(_ source: [(name: String, type: TensorType)]) {
    let unconsumed = source.filter { takers[$0.name] == nil }
    for (name, type) in unconsumed {
      problems.append(
        .init(
          .unexpected, source: name, "no rule takes '\(name.escapedForDisplay)' \(type)",
          suggestion: MappingAdvice.onUnconsumed(name, among: unconsumed.map(\.name))))
    }
    for name in names where name.isIntermediate && takers[name] == nil {
      problems.append(.init(.unusedRule, "no rule takes '\(name.escapedForDisplay)'", place: makers[name] ?? nil))
    }
  }

  /// The order of the source; what is made from several tensors stands where the first of them stood.
  private mutating func sortSteps(_ source: [(name: String, type: TensorType)]) {
    guard !steps.contains(where: { $0.sources.contains(where: \.isIntermediate) }) else { return }
    let positions = Dictionary(source.enumerated().map { ($1.name, $0) }) { first, _ in first }
    let keyed = steps.enumerated().map { index, step in
      (step.sources.compactMap { positions[$0] }.min() ?? .max, index, step)
    }
    steps = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }
}
