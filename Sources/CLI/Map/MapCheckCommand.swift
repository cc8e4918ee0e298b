internal import ArgumentParser
internal import TensorFerry

struct MapCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Plans a mapping, then proves on the file's own values whether it can be undone.",
    discussion: """
      Maps every tensor there and back, piece by piece, and compares the bits; nothing is written.

      Status 0: everything comes back. 1: the mapping is valid and loses information; what, and by which rule, is told.
      2: the mapping has problems; all of them are told.

      EXAMPLES
        tensorferry map check checkpoint.pt --map mapping.yaml
        tensorferry map check model.weights.h5 --map mapping.yaml --target AttentionClassifier
      """)

  @OptionGroup var planned: PlanOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let (state, plan) = try planned.plan()
      try plan.check()
      let trip = try plan.roundTrip(state)
      answer.print(json(plan, trip), text: text(plan, trip))
      if !trip.isLossless { throw ExitStatus.refuted }
    }
  }

  private func json(_ plan: MappingPlan, _ trip: MappingRoundTrip) -> JSONValue {
    [
      "schema": "tensorferry.map-check/1",
      "source": .string(planned.source),
      "lossless": .bool(trip.isLossless),
      "came_back": JSONValue(trip.compared),
      "losses": .array(
        trip.losses.map {
          [
            "sources": .array($0.sources.map { .string($0) }), "reason": .string($0.reason),
            "place": JSONValue($0.place?.description),
          ]
        }),
      "plan": plan.json,
    ]
  }

  private func text(_ plan: MappingPlan, _ trip: MappingRoundTrip) -> String {
    var lines = [plan.table]
    if !plan.dropped.isEmpty { lines.append("dropped \(plan.dropped.count) tensors") }
    if !plan.ignored.isEmpty { lines.append("ignored \(plan.ignored.count) tensors beside the state dict") }
    lines += trip.losses.map { "lost    \($0)" }
    let count = trip.losses.count
    lines.append(
      trip.isLossless
        ? "LOSSLESS  all \(trip.compared) tensors come back bit for bit"
        : "LOSSY  \(trip.compared) tensors were mapped back; \(count) \(count == 1 ? "loss is" : "losses are") named above"
    )
    return lines.joined(separator: "\n")
  }
}
