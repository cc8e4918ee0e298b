internal import TensorFerryTensors

extension ParityReport {
  /// What the verdict takes for granted: two lines for each assumption.
  public var explanation: String {
    ([
      "A verdict of MISMATCH_PROVEN says that the weights or the stages are others, or that one of these does not hold:"
    ]
      + ledger.flatMap { ["\($0.id)  \($0.status.rawValue.padded(to: 8))  \($0.statement)", "    \($0.evidence)"] })
      .joined(separator: "\n")
  }

  var ledgerMembers: [JSONValue.Member] {
    let entries = ledger.map { entry -> JSONValue in
      [
        "id": .string(entry.id), "statement": .string(entry.statement), "status": .string(entry.status.rawValue),
        "evidence": .string(entry.evidence),
      ]
    }
    return [.init("assumptions", .array(entries))]
  }

  /// One line for the first assumption that does not hold.
  var ledgerLines: [String] {
    let violated = ledger.filter { $0.status == .violated }
    guard let first = violated.first else { return [] }
    let others = violated.count > 1 ? ", nor do \(violated.count - 1) more" : ""
    let evidence = first.evidence.split(separator: ":")[0]
    return ["assumed   \(first.id) does not hold\(others) (see --explain): \(evidence)"]
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
