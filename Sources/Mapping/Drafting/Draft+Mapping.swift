public import TensorFerryTensors

extension WeightMapping {
  /// Drafts a mapping from names and shapes alone; what they do not tell is left open, and never chosen.
  ///
  /// - Parameters:
  ///   - sources: the tensors of a file.
  ///   - targets: the tensors that are wanted, with PyTorch's names and layout.
  ///   - layout: how the file stores matrices, if that is known.
  public static func draft(
    from sources: [TensorOutline], to targets: [TensorOutline], layout: ParameterLayout? = nil
  ) -> Draft {
    TensorFerryMapping.draft(from: sources, to: targets, layout: layout)
  }
}

extension Draft {
  /// True if every target is decided.
  public var isComplete: Bool { open.isEmpty }

  /// The rules of the draft: what is said of layer 0 to n in the same words is one rule. Sources that belong nowhere
  /// are dropped.
  ///
  /// - Parameter sources: those that the draft was made from.
  public func mapping(from sources: [TensorOutline]) -> WeightMapping {
    let condensed = WeightMapping(RuleTemplate.rules(of: steps).map(\.rule) + drops)
    return says(condensed, sources) ? condensed : WeightMapping(steps.map(\.rule) + drops)
  }

  private var drops: [MappingRule] { unused.map { MappingRule(.drop(NameGlob(literal: $0))) } }

  /// True if a mapping does what the steps say and nothing else.
  private func says(_ mapping: WeightMapping, _ sources: [TensorOutline]) -> Bool {
    let resolver = MappingResolver(mapping, sources.map { ($0.name, TensorType($0.dtype, $0.shape)) })
    let found = resolver.steps.map { Statement($0.sources, $0.transforms, $0.targets) }
    return Set(found) == Set(steps.map { Statement($0.sources, $0.transforms, $0.targets) })
  }

  private struct Statement: Hashable {
    let sources: [String]
    let transforms: [TensorTransform]
    let targets: [String]

    init(_ sources: [String], _ transforms: [TensorTransform], _ targets: [String]) {
      self.sources = sources
      self.transforms = transforms
      self.targets = targets
    }
  }

  /// The mapping file: each rule behind its reason and confidence, and the open questions with their candidates as
  /// comments, of which one is to be taken.
  public func text(from sources: [TensorOutline]) -> String {
    let mapping = mapping(from: sources)
    let templates = RuleTemplate.rules(of: steps)
    let isCondensed = mapping.rules.count == templates.count + drops.count
    var lines = ["mapping: \(WeightMapping.schema)", "rules:"]
    if isCondensed {
      for template in templates { lines += Self.lines(template.rule, template.steps[0], template.steps.count) }
    } else {
      for step in steps { lines += Self.lines(step.rule, step, 1) }
    }
    if !unused.isEmpty { lines.append("# no target for these:") }
    lines += drops.map { "- \($0.description)" }
    for choice in open {
      lines += ["# OPEN \(choice.target.escapedForDisplay): \(choice.question.escapedForDisplay)"]
      for candidate in choice.candidates {
        let rule = DraftStep.rule([choice.target], candidate.sources, candidate.transforms)
        lines.append("#   \(Self.percent(candidate.confidence)), \(candidate.reason.escapedForDisplay):")
        lines.append("#   - \(rule.description)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lines(_ rule: MappingRule, _ step: DraftStep, _ count: Int) -> [String] {
    let times = count > 1 ? ", \(count) times" : ""
    return ["# \(percent(step.confidence))\(times): \(step.reason.escapedForDisplay)", "- \(rule.description)"]
  }

  private static func percent(_ confidence: Double) -> String { "\(Int((confidence * 100).rounded())) %" }

  /// The draft as data.
  public var json: JSONValue {
    func names(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
    return [
      "complete": .bool(isComplete),
      "steps": .array(
        steps.map {
          [
            "targets": names($0.targets), "sources": names($0.sources), "transforms": .array($0.transforms.map(\.json)),
            "reason": .string($0.reason), "confidence": .number($0.confidence),
          ]
        }),
      "open": .array(
        open.map { choice in
          [
            "target": .string(choice.target), "question": .string(choice.question),
            "candidates": .array(
              choice.candidates.map {
                [
                  "sources": names($0.sources), "transforms": .array($0.transforms.map(\.json)),
                  "reason": .string($0.reason), "confidence": .number($0.confidence),
                ]
              }),
          ]
        }),
      "unused": names(unused),
    ]
  }
}

extension DraftStep {
  /// The step as a rule about these names alone.
  var rule: MappingRule { Self.rule(targets, sources, transforms) }

  static func rule(_ targets: [String], _ sources: [String], _ transforms: [TensorTransform]) -> MappingRule {
    MappingRule(
      .map(
        targets: targets.map(NamePattern.init(literal:)), sources: sources.map(NamePattern.init(literal:)),
        transforms: transforms))
  }
}

/// Steps that differ in one number alone, as one rule.
private struct RuleTemplate {
  let rule: MappingRule
  var steps: [DraftStep]

  /// The rules in the order of their first steps.
  static func rules(of steps: [DraftStep]) -> [RuleTemplate] {
    var groups: [MappingRule.Kind: [DraftStep]] = [:]
    var order: [MappingRule.Kind] = []
    for step in steps {
      let kind = template(of: step) ?? step.rule.kind
      if groups[kind] == nil { order.append(kind) }
      groups[kind, default: []].append(step)
    }
    return order.flatMap { kind -> [RuleTemplate] in
      let steps = groups[kind] ?? []
      // A number that stands once is as well said as it is.
      guard steps.count > 1 else { return steps.map { RuleTemplate(rule: $0.rule, steps: [$0]) } }
      return [RuleTemplate(rule: MappingRule(kind), steps: steps)]
    }
  }

  /// The step with the first number of its target as a capture, wherever the same number stands; nil if there is none,
  /// or if a source has no such number.
  private static func template(of step: DraftStep) -> MappingRule.Kind? {
    guard let first = step.targets.first,
      let number = first.split(separator: ".").first(where: { Int($0) != nil }).map(String.init)
    else { return nil }
    let names = step.targets + step.sources
    let patterns = names.compactMap { pattern(of: $0, number) }
    guard patterns.count == names.count else { return nil }
    return .map(
      targets: Array(patterns.prefix(step.targets.count)), sources: Array(patterns.dropFirst(step.targets.count)),
      transforms: step.transforms)
  }

  private static func pattern(of name: String, _ number: String) -> NamePattern? {
    var isFound = false
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map { part -> String in
      let literal = String(part.replacing("{", with: "{{").replacing("}", with: "}}"))
      guard !isFound, let range = part.range(ofLastNumber: number) else { return literal }
      isFound = true
      return String(part[..<range.lowerBound]).replacing("{", with: "{{").replacing("}", with: "}}") + "{i}"
        + String(part[range.upperBound...]).replacing("{", with: "{{").replacing("}", with: "}}")
    }
    return isFound ? try? NamePattern(parts.joined(separator: ".")) : nil
  }
}

extension Substring {
  /// Where the last run of digits stands, if it is this number.
  fileprivate func range(ofLastNumber number: String) -> Range<Index>? {
    guard let last = lastIndex(where: \.isASCIIDigit) else { return nil }
    let end = index(after: last)
    var start = last
    while start > startIndex, self[index(before: start)].isASCIIDigit { start = index(before: start) }
    return self[start..<end] == number[...] ? start..<end : nil
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
