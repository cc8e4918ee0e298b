internal import TensorFerryTensors

extension ParityReport {
  var selfTestMembers: [JSONValue.Member] { selfTest.map { [.init("self_test", $0.json)] } ?? [] }

  /// At most two lines.
  var selfTestLines: [String] {
    guard let selfTest else { return [] }
    var first = "self-test \(selfTest.killed) of \(selfTest.total) corruptions are exposed (seed \(selfTest.seed))"
    if let smallest = selfTest.smallest, let size = smallest.size {
      first += "; the smallest changes \(smallest.target) by \(Self.short(size)) (stage '\(smallest.stage)')"
    }
    let missed = selfTest.classes.filter { !$0.missed.isEmpty }
    guard !missed.isEmpty else { return [first] }
    let list = missed.prefix(3).map { "\($0.missed.count) \($0.name) (\($0.missed[0].target))" }
    let others = missed.count > 3 ? ", ..." : ""
    return [first, "  missed: \(list.joined(separator: ", "))\(others)"]
  }
}

extension SelfTest {
  fileprivate var json: JSONValue {
    [
      "seed": JSONValue(seed),
      "total": JSONValue(total),
      "killed": JSONValue(killed),
      "smallest": smallest?.json ?? .null,
      "classes": .array(
        classes.map {
          [
            "class": .string($0.name), "total": JSONValue($0.total), "killed": JSONValue($0.killed),
            "smallest": $0.smallest?.json ?? .null, "missed": .array($0.missed.map(\.json)),
          ]
        }),
    ]
  }
}

extension SelfTest.Fault {
  fileprivate var json: JSONValue {
    [
      "target": .string(target), "stage": .string(stage),
      "size": size.map { .number($0) } ?? .null,
    ]
  }
}
