internal import ArgumentParser
internal import TensorFerry

struct MapExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Tells why a tensor goes where it goes.",
    discussion: """
      EXAMPLES
        tensorferry map explain fc.weight checkpoint.pt --map mapping.yaml
        tensorferry map explain model.proj.kernel checkpoint.pt --map mapping.yaml --target AttentionClassifier
      """)

  @Argument(help: "The name of a tensor in the source or in the target.")
  var name: String

  @OptionGroup var planned: PlanOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let (state, plan) = try planned.plan()
      guard let explanation = plan.explanation(of: name) else {
        let names = state.names + plan.targets
        throw MappingError(
          file: planned.source, mapping: plan.mapping?.file,
          problems: [
            .init(
              .missing, "'\(name.escapedForDisplay)' is neither in the source nor in the target",
              suggestion: MappingPlan.nearestName(to: name, among: names).map {
                "did you mean '\($0.escapedForDisplay)'?"
              })
          ])
      }
      answer.print(
        [
          "schema": "tensorferry.map-explain/1", "name": .string(name),
          "explanation": .array(explanation.split(separator: "\n").map { .string(String($0)) }),
        ], text: explanation)
    }
  }
}
