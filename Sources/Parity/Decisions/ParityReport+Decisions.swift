internal import TensorFerryTensors

extension ParityReport {
  var decisionMembers: [JSONValue.Member] { decisions.map { [.init("decisions", $0.json)] } ?? [] }

  /// At most two lines.
  var decisionLines: [String] {
    guard let decisions, decisions.total > 0 else { return [] }
    let counts = [
      (decisions.equal, "equal whatever the rounding"), (decisions.exact, "equal to exact arithmetic"),
      (decisions.ties, "ties inside rounding"), (decisions.different, "proven different"),
      (decisions.undecided, "undecided"),
    ]
    let list = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let least = decisions.smallestCertainty.map { "; smallest margin \(Self.short($0)) times its bound" } ?? ""
    let obstacle = decisions.undecided > 0 ? decisions.obstacle.map { ": " + $0 } ?? "" : ""
    return ["top-1     of \(decisions.total) samples \(list)\(obstacle)\(least)"] + accuracyLines
  }

  private var accuracyLines: [String] {
    guard let accuracy = decisions?.accuracy, accuracy.labels > 0 else { return [] }
    func share(_ correct: Int) -> String {
      let percent = (Double(correct) / Double(accuracy.labels) * 1000).rounded() / 10
      return "\(percent) % (\(correct)/\(accuracy.labels))"
    }
    let differing = [0: "no sample differs", 1: "1 sample differs"][accuracy.disagreeing]
    return [
      "accuracy  reference \(share(accuracy.reference)), ours \(share(accuracy.ours)); "
        + "\(differing ?? "\(accuracy.disagreeing) samples differ"); "
        + "certified \(accuracy.certified) right, \(accuracy.certifiedWrong) wrong"
    ]
  }
}

extension Decisions {
  fileprivate var json: JSONValue {
    [
      "samples": JSONValue(total),
      "equal": JSONValue(equal),
      "exact": JSONValue(exact),
      "ties": JSONValue(ties),
      "different": JSONValue(different),
      "undecided": JSONValue(undecided),
      "disagreeing": JSONValue(disagreeing),
      "smallest_certainty": smallestCertainty.map { .number($0) } ?? .null,
      "differing": .array(
        differing.map {
          [
            "case": .string($0.caseName), "sample": JSONValue($0.index), "reference": JSONValue($0.reference),
            "ours": JSONValue($0.ours), "oracle": JSONValue($0.oracle),
          ]
        }),
      "obstacle": JSONValue(obstacle),
      "accuracy": accuracy?.json ?? .null,
    ]
  }
}

extension Accuracy {
  fileprivate var json: JSONValue {
    [
      "labels": JSONValue(labels), "reference": JSONValue(reference), "ours": JSONValue(ours),
      "disagreeing": JSONValue(disagreeing), "certified": JSONValue(certified),
      "certified_wrong": JSONValue(certifiedWrong),
    ]
  }
}
