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
        tensorferry import checkpoint.pt -o model.h5 --map mapping.yaml
        tensorferry import encoder.pt -o model.h5 --configuration '{"num_heads": 4, "activation": "gelu"}'
      """)

  @Argument(help: "The checkpoint.")
  var checkpoint: String

  @Option(name: .shortAndLong, help: "The model file to write.")
  var output: String

  @Flag(name: [.customShort("n"), .long], help: "Plan from headers alone and write nothing.")
  var dryRun = false

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      let weights = try weights.open(checkpoint)
      let configuration = try weights.configuration()
      if !dryRun { try write(weights, configuration) }
      answer.print(json(weights, configuration), text: text(weights, configuration))
    }
  }

  private func write(_ weights: OpenWeights, _ configuration: JSONValue) throws {
    Leftovers.tell(beside: output)
    var parameters = try weights.plan.apply(to: weights.state)
    // By it `convert --inverse` finds the way back, and `verify` what was computed and not copied. Names that are the
    // model's own need none: every arrangement of the same weights gives the same file.
    parameters.metadata = weights.plan.isDeclared ? [.init("plan", weights.plan.json)] : []
    try Interruption.watching {
      try parameters.write(
        path: output,
        format: .hdf5(attributes: [
          ("producer", Version.producer), ("model", weights.type.id), ("configuration", configuration.text()),
        ]),
        replacing: force
      ) { _ in try Interruption.check() }
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
        plan.assignments.map {
          [
            "name": .string($0.target), "source": JSONValue($0.step.sources.first),
            "sources": .array($0.step.sources.map { .string($0) }),
            "transforms": .array($0.step.transforms.map(\.json)), "dtype": .string($0.type.dtype.rawValue),
            "shape": JSONValue($0.type.shape),
          ]
        }),
      "dropped": .array(plan.dropped.map { .string($0) }),
      "ignored": .array(plan.ignored.map { .string($0) }),
      "dry_run": .bool(dryRun),
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
    if let mapping = plan.mapping { lines.append("mapping \(mapping.title.escapedForDisplay)") }
    lines.append(plan.table)
    if !plan.dropped.isEmpty { lines.append("dropped \(plan.dropped.count) tensors, as the mapping says") }
    if !plan.ignored.isEmpty {
      lines.append(
        "ignored \(plan.ignored.count) tensors beside the state dict: \(plan.ignored.prefix(5).joined(separator: ", ").escapedForDisplay)\(plan.ignored.count > 5 ? ", ..." : "")"
      )
    }
    lines.append(
      dryRun
        ? "would write \(output.escapedForDisplay)"
        : "wrote   \(output.escapedForDisplay), read back and compared bit for bit")
    return lines.joined(separator: "\n")
  }
}
