internal import ArgumentParser
internal import TensorFerry

struct MapInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Drafts a mapping file from names and shapes.",
    discussion: """
      Every rule stands behind its reason and its confidence. What names and shapes do not tell is left open, with the
      candidates as comments; nothing is guessed. Only headers are read.

      Status 0: every target is decided. 3: some are open.

      EXAMPLES
        tensorferry map init checkpoint.pt --target AttentionClassifier -o mapping.yaml
        tensorferry map init bert.safetensors --target TransformerClassifier --configuration configuration.json
        tensorferry map init model.h5 --target other.safetensors --layout input_first
      """)

  @Argument(help: "The weight file.")
  var source: String

  @Option(help: TargetOptions.help)
  var target: String

  @Option(name: .shortAndLong, help: "Write the mapping file here instead of printing it.")
  var output: String?

  @Option(
    help: """
      How the source stores the matrices of layers, if you know: output_first (PyTorch) or input_first (Keras). Without \
      it, a square matrix is asked for.
      """)
  var layout: String?

  @Option(
    help: "The sizes and options of the target model, as JSON or as a file that holds it, where shapes leave them open."
  )
  var configuration: String?

  @Option(help: "Draft for the part of a checkpoint under this key, for example 'model'.")
  var key: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var input: InputOptions
  @OptionGroup var answer: JSONOptions

  func run() throws {
    try answer.reporting {
      var selection = StateDictSelection()
      selection.key = key
      let state = try selection.apply(to: input.open(source))
      let sources = state.map { TensorOutline(name: $0.name, shape: $0.tensor.shape, dtype: $0.tensor.dtype) }
      let draft = WeightMapping.draft(from: sources, to: try targets(sources), layout: try declaredLayout())
      var text = draft.text(from: sources)
      if let key {
        text = text.replacing("rules:\n", with: "key: \(JSONValue.string(key).text())\nrules:\n", maxReplacements: 1)
      }
      if let output { try TextFile.write(text, to: output, replacing: force) }
      answer.print(json(draft, text), text: output == nil ? text : summary(draft))
      if !draft.isComplete { throw ExitStatus.undecided }
    }
  }

  func validate() throws { _ = try declaredLayout() }

  private func declaredLayout() throws -> ParameterLayout? {
    try layout.map { name in
      if let layout = ParameterLayout(rawValue: name) { return layout }
      throw ValidationError("'\(name)' is no layout; these are: output_first, input_first")
    }
  }

  /// The tensors that are wanted, with their shapes.
  private func targets(_ sources: [TensorOutline]) throws -> [TensorOutline] {
    let patterns: [ParameterPattern]
    switch try TargetOptions.target(target, input) {
    case .parameters(let declared): patterns = declared
    case .model(let type):
      var options = try WeightsOptions.given(configuration) ?? [:]
      let standards = type.options.compactMap { option in option.standard.map { JSONValue.Member(option.name, $0) } }
      options = .object((options.members ?? []) + standards.filter { options[$0.key] == nil })
      if let specs = try? type.parameters(configuration: options) {
        return specs.map { TensorOutline(name: $0.name, shape: $0.shape, dtype: .f32) }
      }
      patterns = type.patterns(for: [], options: options)
      guard let outlines = patterns.outlines(fitting: sources) else {
        // Says what the configuration lacks.
        _ = try type.parameters(configuration: options)
        return []
      }
      return outlines
    }
    guard let outlines = patterns.outlines(fitting: sources) else {
      throw MappingError(
        file: target,
        problems: [
          .init(
            .ambiguous, "the shapes of the source do not tell the sizes that the target names",
            suggestion: "write numbers into its shapes")
        ])
    }
    return outlines
  }

  private func json(_ draft: Draft, _ text: String) -> JSONValue {
    .object(
      [.init("schema", "tensorferry.map-init/1"), .init("source", .string(source)), .init("target", .string(target))]
        + (draft.json.members ?? []) + [.init("mapping", .string(text)), .init("output", JSONValue(output))])
  }

  private func summary(_ draft: Draft) -> String {
    let decided = draft.steps.reduce(0) { $0 + $1.targets.count }
    var lines = ["wrote   \(output?.escapedForDisplay ?? ""): \(decided) targets decided, \(draft.open.count) open"]
    lines += draft.open.prefix(20).map { "open    \($0.target.escapedForDisplay): \($0.question.escapedForDisplay)" }
    if draft.open.count > 20 { lines.append("        and \(draft.open.count - 20) more, all in the file") }
    if !draft.unused.isEmpty { lines.append("dropped \(draft.unused.count) tensors that no target is for") }
    return lines.joined(separator: "\n")
  }
}

extension ImportableModel {
  /// The parameters for a whole configuration.
  fileprivate static func parameters(configuration: JSONValue) throws -> [ParameterSpec] {
    try parameters(of: Configuration(json: configuration))
  }
}
