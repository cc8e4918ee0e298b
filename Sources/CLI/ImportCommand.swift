internal import ArgumentParser
internal import TensorFerry

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Maps a PyTorch checkpoint to a model, checks every shape, and writes a model file.",
    discussion: """
      Finds the state dict inside the checkpoint, takes off 'module.' and '_orig_mod.', and tells the model's sizes
      from the shapes. Every problem is reported at once, and nothing is written then.

      EXAMPLES
        tensorferry import checkpoint.h5 -o model.h5
        tensorferry import checkpoint.h5 -o model.h5 --key ema
      """)

  @Argument(help: "The checkpoint.")
  var checkpoint: String

  @Option(name: .shortAndLong, help: "The model file to write.")
  var output: String

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let (state, plan) = try weights.plan(checkpoint)
      let model = try AttentionClassifier(plan, state)
      let configuration = model.configuration.json
      try plan.apply(to: state).write(
        path: output,
        format: .hdf5(attributes: [
          ("producer", Version.producer), ("model", AttentionClassifier.id), ("configuration", configuration.text()),
        ]),
        replacing: force)
      answer.print(json(plan, state, configuration), text: text(plan, state, configuration))
    }
  }

  private func json(_ plan: MappingPlan, _ state: StateDict, _ configuration: JSONValue) -> JSONValue {
    [
      "schema": "tensorferry.import/1",
      "source": [
        "path": .string(checkpoint), "format": JSONValue(state.origin?.format),
        "layout": JSONValue(state.origin?.layout),
      ],
      "prefix": .string(plan.prefix),
      "model": .string(AttentionClassifier.id),
      "configuration": configuration,
      "tensors": .array(
        plan.assignments.map {
          [
            "name": .string($0.target), "source": JSONValue($0.step.sources.first),
            "sources": .array($0.step.sources.map { .string($0) }),
            "transforms": .array($0.step.transforms.map(\.json)), "dtype": .string($0.type.dtype.rawValue),
            "shape": JSONValue($0.type.shape),
          ]
        }),
      "ignored": .array(plan.ignored.map { .string($0) }),
      "output": .string(output),
    ]
  }

  private func text(_ plan: MappingPlan, _ state: StateDict, _ configuration: JSONValue) -> String {
    var lines = [
      "read    \(checkpoint.escapedForDisplay): \(state.origin?.format ?? ""), \(state.origin?.layout ?? "one layout")"
    ]
    if !plan.prefix.isEmpty { lines.append("prefix  '\(plan.prefix.escapedForDisplay)' taken off every name") }
    lines.append("model   \(AttentionClassifier.id) \(configuration.text())")
    lines.append(plan.table)
    if !plan.ignored.isEmpty {
      lines.append(
        "ignored \(plan.ignored.count) tensors beside the state dict: \(plan.ignored.prefix(5).joined(separator: ", ").escapedForDisplay)\(plan.ignored.count > 5 ? ", ..." : "")"
      )
    }
    lines.append("wrote   \(output.escapedForDisplay), read back and compared bit for bit")
    return lines.joined(separator: "\n")
  }
}
