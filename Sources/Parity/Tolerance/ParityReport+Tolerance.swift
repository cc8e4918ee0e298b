internal import TensorFerryTensors

extension ParityReport {
  var toleranceMembers: [JSONValue.Member] { tolerance.map { [.init("tolerance", $0.json)] } ?? [] }

  /// One line, and one more for what is off.
  var toleranceLines: [String] {
    guard let tolerance else { return [] }
    let rule = "atol \(Self.short(tolerance.tolerance.absolute)), rtol \(Self.short(tolerance.tolerance.relative))"
    let compared = tolerance.stages.map(\.compared).reduce(0, +)
    guard compared > 0 else { return ["tolerance failed: \(rule): there are no values to compare"] }
    guard let stage = tolerance.stages.first(where: { $0.failure != nil }), let failure = stage.failure else {
      return ["tolerance passed: \(rule), \(compared) values"]
    }
    return [
      "tolerance failed: \(rule): stage '\(stage.name)', case \(failure.caseName), element \(failure.index)",
      "  reference \(Self.precise(Double(failure.reference))), ours \(Self.precise(Double(failure.ours))); "
        + "the difference is \(Self.short(failure.difference)), allowed \(Self.short(failure.allowed))",
    ]
  }
}

extension ToleranceReport {
  fileprivate var json: JSONValue {
    [
      "atol": .number(tolerance.absolute),
      "rtol": .number(tolerance.relative),
      "passed": .bool(passed),
      "stages": .array(stages.map(\.json)),
    ]
  }
}

extension ToleranceReport.Stage {
  fileprivate var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return [
      "name": .string(name),
      "passed": passed.map(JSONValue.bool) ?? .null,
      "compared": JSONValue(compared),
      "missing": .array(gaps.map(JSONValue.string)),
      "at": failure.map { .array($0.index.map { JSONValue($0) }) } ?? .null,
      "case": JSONValue(failure?.caseName),
      "reference": number(failure.map { Double($0.reference) }),
      "ours": number(failure.map { Double($0.ours) }),
      "difference": number(failure?.difference),
      "allowed": number(failure?.allowed),
    ]
  }
}
