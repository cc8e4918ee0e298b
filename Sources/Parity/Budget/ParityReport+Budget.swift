internal import TensorFerryTensors

extension ParityReport {
  var budgetMembers: [JSONValue.Member] { budget.map { [.init("budget", $0.json)] } ?? [] }

  var budgetLines: [String] {
    guard let budget, budget.total != 0 else { return [] }
    let shares = budget.shares.filter { $0.contribution != 0 }.sorted { abs($0.contribution) > abs($1.contribution) }
    let list = shares.prefix(5).map { "\($0.stage) \(Self.short($0.contribution))" }.joined(separator: ", ")
    let others = shares.count > 5 ? ", \(shares.count - 5) others" : ""
    return ["budget    the output is off by \(Self.short(budget.total)) at most: \(list)\(others)"]
  }
}

extension Budget {
  fileprivate var json: JSONValue {
    [
      "case": .string(caseName),
      "at": .array(index.map { JSONValue($0) }),
      "total": .number(total),
      "stages": .array(
        shares.map {
          ["name": .string($0.stage), "contribution": .number($0.contribution), "largest": .number($0.largest)]
        }),
    ]
  }
}
