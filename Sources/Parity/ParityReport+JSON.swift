public import TensorFerryTensors

extension ParityReport {
  /// The report in the schema `tensorferry.verify/1`; the same report gives the same text.
  public var json: JSONValue {
    .object((verification.members ?? []) + analyses)
  }

  private var analyses: [JSONValue.Member] {
    diagnosisMembers + ledgerMembers + toleranceMembers + coverageMembers + decisionMembers + budgetMembers
      + selfTestMembers + proofMembers
  }

  private var verification: JSONValue {
    [
      "schema": "tensorferry.verify/1",
      "verdict": .string(verdict.rawValue),
      "blame": .string(blame.rawValue),
      "model": .string(model),
      "reference": [
        "file": JSONValue(file),
        "layout": .string(layout.rawValue),
        "cases": JSONValue(caseCount),
        "manifest": manifest,
      ],
      "remarks": .array((remarks + digestRemarks).map(JSONValue.string)),
      "hashes": digestJSON,
      "compared": JSONValue(compared),
      "first_divergence": JSONValue(firstDivergence?.name),
      "stages": .array(stages.map(\.json)),
      "identity": identityJSON,
    ]
  }
}

extension StageReport {
  fileprivate var json: JSONValue {
    let head: [JSONValue.Member] = [
      .init("name", .string(name)),
      .init("verdict", .string(verdict.rawValue)),
      .init("blame", .string(blame.rawValue)),
      .init("compared", JSONValue(compared)),
    ]
    let tail: [JSONValue.Member] = [
      .init("shape", shape.map { JSONValue($0) } ?? .null),
      .init("certificate", deciding.worst == nil ? .null : .string(deciding.kind.rawValue)),
      .init("span", .array(span.map(JSONValue.string))),
      .init("depth", depth.map { JSONValue($0) } ?? .null),
      .init("remarks", .array(remarks.map(JSONValue.string))),
      .init("equal_bits", JSONValue(equalBits)),
      .init("certificates", .array(certificates.map(\.json))),
    ]
    return .object(head + deciding.numbers + tail)
  }
}

extension Certificate {
  fileprivate var json: JSONValue {
    .object(
      [.init("id", .string(kind.rawValue)), .init("compared", JSONValue(compared))] + numbers + scores.members
        + [.init("rounding", rounding?.json ?? .null)])
  }

  /// The members that a stage and its certificates share.
  fileprivate var numbers: [JSONValue.Member] {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return [
      .init("nonfinite", JSONValue(nonfinite)),
      .init("max_abs", compared == 0 ? .null : .number(largestDifference)),
      .init("bound", number(worst?.bound)),
      .init("utilisation", number(worst?.utilisation)),
      .init("at", worst.map { .array($0.index.map { JSONValue($0) }) } ?? .null),
      .init("reference", number(worst?.reference)),
      .init("ours", number(worst?.ours)),
      .init("oracle", number(worst?.oracle)),
      .init("case", JSONValue(worst?.caseName)),
    ]
  }
}
