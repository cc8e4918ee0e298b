internal import TensorFerryTensors

/// A rule with its captures filled in: the names of its sources, and what its targets are called.
struct RuleInstance {
  let sources: [String]
  /// False if a source is missing.
  let isComplete: Bool
  let bindings: NamePattern.Bindings
  /// The capture that only a target has: it counts the results.
  let counter: String?
}

/// Finds which names a rule takes.
///
/// A capture that sources and targets share is gone through: one instance for each of its values. One that only sources
/// have gathers tensors into one instance, in the order of numbers. One that only the target has counts results.
struct RuleInstances {
  let rule: MappingRule
  let targets: [NamePattern]
  let sources: [NamePattern]
  private(set) var instances: [RuleInstance] = []
  private(set) var problems: [MappingProblem] = []

  /// The matches of one source pattern, by the values of the captures that it shares with the targets.
  private struct Matches {
    let pattern: NamePattern
    let shared: [String]
    var byKey: [[String]: [(name: String, bindings: NamePattern.Bindings)]] = [:]
  }

  /// - Parameters:
  ///   - names: those that exist, in order.
  ///   - exists: whether one does.
  init(
    _ rule: MappingRule, _ targets: [NamePattern], _ sources: [NamePattern], in names: [String],
    exists: (String) -> Bool
  ) {
    self.rule = rule
    self.targets = targets
    self.sources = sources
    let targetCaptures = targets.flatMap(\.captures)
    let sourceCaptures = Set(sources.flatMap(\.captures))
    let counters = Set(targetCaptures.filter { !sourceCaptures.contains($0) })
    guard counters.isEmpty || (counters.count == 1 && targets.count == 1) else {
      report(.syntax, "only one target of a rule, with one capture, may count results: \(counters.sorted())")
      return
    }
    let shared = sources.flatMap(\.captures).reduce(into: [String]()) {
      if targetCaptures.contains($1), !$0.contains($1) { $0.append($1) }
    }
    var keys: [[String]] = []
    var seen: Set<[String]> = []
    let matches = sources.map { pattern in
      var matches = Matches(pattern: pattern, shared: shared.filter(pattern.captures.contains))
      // Patterns without captures need no look at each name.
      for name in pattern.literal.map({ exists($0) ? [$0] : [] }) ?? names {
        guard let bindings = pattern.match(name) else { continue }
        let key = matches.shared.map { bindings[$0] ?? "" }
        matches.byKey[key, default: []].append((name, bindings))
        if matches.shared.count == shared.count, seen.insert(key).inserted { keys.append(key) }
      }
      return matches
    }
    guard matches.contains(where: { !$0.byKey.isEmpty }) else {
      reportUnmatched(names)
      return
    }
    if keys.isEmpty { keys = shared.isEmpty ? [[]] : [] }
    for key in keys { instance(Dictionary(zip(shared, key)) { first, _ in first }, matches, counters.first, names) }
  }

  private mutating func instance(
    _ bindings: NamePattern.Bindings, _ matches: [Matches], _ counter: String?, _ names: [String]
  ) {
    var taken: [String] = []
    var isComplete = true
    for source in matches {
      let fitting = source.byKey[source.shared.map { bindings[$0] ?? "" }] ?? []
      let gathered = source.pattern.captures.filter { bindings[$0] == nil }
      if fitting.isEmpty {
        isComplete = false
        reportMissing(source.pattern.name(with: bindings) ?? source.pattern.description, names)
      } else if gathered.isEmpty {
        taken.append(fitting[0].name)
      } else {
        let sorted = fitting.sorted { left, right in
          let (a, b) = (gathered.map { left.bindings[$0] ?? "" }, gathered.map { right.bindings[$0] ?? "" })
          return a.lexicographicallyPrecedes(b, by: Self.precedes)
        }
        if gathered.count == 1 { checkGaps(sorted.map { $0.bindings[gathered[0]] ?? "" }, source.pattern) }
        taken += sorted.map(\.name)
      }
    }
    instances.append(RuleInstance(sources: taken, isComplete: isComplete, bindings: bindings, counter: counter))
  }

  /// Numbers by their value, before texts by their bytes.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    switch (Int(a), Int(b)) {
    case (let x?, let y?) where x != y: x < y
    case (_?, nil): true
    case (nil, _?): false
    default: a.utf8.lexicographicallyPrecedes(b.utf8)
    }
  }

  private mutating func checkGaps(_ values: [String], _ pattern: NamePattern) {
    let numbers = values.compactMap { Int($0) }
    guard numbers.count == values.count, let first = numbers.first else { return }
    for (index, number) in numbers.enumerated() where number != first + index {
      return report(
        .missing, "'\(pattern.description)' gathers \(values.count) tensors, number \(first + index) is not among them")
    }
  }

  private mutating func reportUnmatched(_ names: [String]) {
    guard !rule.isOptional else { return }
    for pattern in sources {
      if let name = pattern.literal {
        reportMissing(name, names)
      } else {
        report(
          .unusedRule, "'\(pattern.description)' matches no tensor",
          suggestion: MappingAdvice.onUnmatched(pattern, in: names))
      }
    }
  }

  private mutating func reportMissing(_ name: String, _ names: [String]) {
    problems.append(
      .init(
        .missing, source: name, "'\(name.escapedForDisplay)' is not in the file",
        suggestion: MappingAdvice.onMissing(name, in: names), place: rule.place))
  }

  private mutating func report(_ code: MappingProblem.Code, _ reason: String, suggestion: String? = nil) {
    problems.append(.init(code, reason, suggestion: suggestion, place: rule.place))
  }
}
