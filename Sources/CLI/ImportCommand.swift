internal import ArgumentParser
internal import TensorFerry

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Maps a PyTorch checkpoint to a model, checks every shape, and writes a model file.",
    discussion: """
      Finds the state dict inside the checkpoint, takes off 'module.' and '_orig_mod.', and tells the model's sizes
      from the shapes. Every problem is reported at once, and nothing is written then. What neither names nor shapes
      tell, such as the number of heads, is given with --configuration.

      EXAMPLES
        tensorferry import checkpoint.h5 -o model.h5
        tensorferry import checkpoint.h5 -o model.h5 --key ema
        tensorferry import encoder.pt -o model.h5 --configuration '{"num_heads": 4, "activation": "gelu"}'
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
      let weights = try weights.open(checkpoint)
      let configuration = try weights.model().configuration.json
      try weights.plan.apply(to: weights.state).write(
        path: output,
        format: .hdf5(attributes: [
          ("producer", Version.producer), ("model", weights.type.id), ("configuration", configuration.text()),
        ]),
        replacing: force)
      answer.print(json(weights, configuration), text: text(weights, configuration))
    }
  }

  private func json(_ weights: OpenWeights, _ configuration: JSONValue) -> JSONValue {
    let (state, plan) = (weights.state, weights.plan)
    return [
      "schema": "tensorferry.import/1",
      "source": [
        "path": .string(checkpoint), "format": JSONValue(state.origin?.format),
        "layout": JSONValue(state.origin?.layout),
      ],
      "prefix": .string(plan.prefix),
      "model": .string(weights.type.id),
      "configuration": configuration,
      "assumed": .object(weights.assumed),
      "tensors": .array(
        plan.steps.map {
          [
            "name": .string($0.parameter.name), "source": .string($0.source), "dtype": .string($0.dtype.rawValue),
            "shape": JSONValue($0.parameter.shape),
          ]
        }),
      "ignored": .array(plan.ignored.map { .string($0) }),
      "output": .string(output),
    ]
  }

  private func text(_ weights: OpenWeights, _ configuration: JSONValue) -> String {
    let (state, plan) = (weights.state, weights.plan)
    var lines = [
      "read    \(checkpoint.escapedForDisplay): \(state.origin?.format ?? ""), \(state.origin?.layout ?? "one layout")"
    ]
    if !plan.prefix.isEmpty { lines.append("prefix  '\(plan.prefix.escapedForDisplay)' taken off every name") }
    lines.append("model   \(weights.type.id) \(configuration.text())")
    if !weights.assumed.isEmpty {
      lines.append("assumed \(weights.assumed.description): PyTorch's defaults, --configuration gives others")
    }
    let rows = plan.steps.map {
      [
        "", "  " + $0.parameter.name, $0.dtype.rawValue, $0.parameter.shape.description,
        "<- \($0.source.escapedForDisplay)",
      ]
    }
    lines.append(Table(rows: rows).text)
    if !plan.ignored.isEmpty {
      lines.append(
        "ignored \(plan.ignored.count) tensors beside the state dict: \(plan.ignored.prefix(5).joined(separator: ", ").escapedForDisplay)\(plan.ignored.count > 5 ? ", ..." : "")"
      )
    }
    lines.append("wrote   \(output.escapedForDisplay), read back and compared bit for bit")
    return lines.joined(separator: "\n")
  }
}
