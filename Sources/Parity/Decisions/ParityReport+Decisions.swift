internal import TensorFerryTensors

extension ParityReport {
  var decisionMembers: [JSONValue.Member] { decisions.map { [.init("decisions", $0.json)] } ?? [] }

  var decisionLines: [String] {
    guard let decisions, decisions.total > 0 else { return [] }
    if let obstacle = decisions.obstacle { return ["top-1     undecided: \(obstacle)"] }
    let counts = [
      (decisions.equal, "equal whatever the rounding"), (decisions.ties, "ties inside rounding"),
      (decisions.different, "proven different"), (decisions.undecided, "undecided"),
    ]
    let list = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let least = decisions.smallestCertainty.map { "; smallest margin \(Self.short($0)) times its bound" } ?? ""
    return ["top-1     of \(decisions.total) samples \(list)\(least)"]
  }
}

extension Decisions {
  fileprivate var json: JSONValue {
    [
      "samples": JSONValue(total),
      "equal": JSONValue(equal),
      "ties": JSONValue(ties),
      "different": JSONValue(different),
      "undecided": JSONValue(undecided),
      "smallest_certainty": smallestCertainty.map { .number($0) } ?? .null,
      "differing": .array(
        differing.map {
          [
            "case": .string($0.caseName), "sample": JSONValue($0.index), "reference": JSONValue($0.reference),
            "ours": JSONValue($0.ours), "oracle": JSONValue($0.oracle),
          ]
        }),
      "obstacle": JSONValue(obstacle),
    ]
  }
}
