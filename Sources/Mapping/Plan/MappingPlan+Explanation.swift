internal import TensorFerryTensors

extension MappingPlan {
  /// Why a tensor went where it went: everything that the plan says of a name, one sentence a line, or nil if it says
  /// nothing.
  ///
  /// - Parameter name: that of a target, of a source, or of a result between two rules.
  public func explanation(of name: String) -> String? {
    var lines: [String] = []
    for step in steps where step.targets.contains(name) { lines.append(made(name, by: step)) }
    for step in steps where step.sources.contains(name) {
      let targets = step.targets.map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
      lines.append("'\(name.escapedForDisplay)' becomes \(targets)\(operations(of: step)), \(rule(of: step))")
    }
    if dropped.contains(name) { lines.append("'\(name.escapedForDisplay)' is dropped") }
    if ignored.contains(name) {
      lines.append("'\(name.escapedForDisplay)' lies outside '\(prefix.escapedForDisplay)' and is not used")
    }
    for problem in problems where problem.source == name || problem.parameter == name {
      lines.append(problem.description)
    }
    return lines.isEmpty ? nil : lines.joined(separator: "\n")
  }

  private func made(_ name: String, by step: MappingStep) -> String {
    let sources = zip(step.sources, step.types[0]).map { "'\($0.escapedForDisplay)' \($1)" }.joined(separator: ", ")
    let type = zip(step.targets, step.results).first { $0.0 == name }?.1.description ?? ""
    return "'\(name.escapedForDisplay)' \(type) is made from \(sources.isEmpty ? "nothing" : sources)"
      + "\(operations(of: step)), \(rule(of: step))"
  }

  private func operations(of step: MappingStep) -> String { step.transforms.isEmpty ? "" : " by " + step.operations }

  private func rule(of step: MappingStep) -> String {
    if let place = step.place { return "by the rule at \(place)" + (step.reason.map { "; \($0)" } ?? "") }
    if let reason = step.reason { return reason }
    return prefix.isEmpty
      ? "because it has the parameter's name"
      : "because it has the parameter's name behind '\(prefix.escapedForDisplay)'"
  }
}

extension MappingPlan {
  /// The name that is most like another one, if one is close.
  public static func nearestName(to name: String, among names: [String]) -> String? {
    NearestName.of(name, among: names)
  }
}
