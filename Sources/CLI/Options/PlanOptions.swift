internal import ArgumentParser
internal import TensorFerry

/// A file, and the mapping that leads from its tensors to others, for the commands that look at a plan.
struct PlanOptions: ParsableArguments {
  @Argument(help: "The weight file.")
  var source: String

  @Option(help: TargetOptions.help)
  var target: String?

  @Option(help: "Where the state dict is inside a checkpoint, for example 'model'.")
  var key: String?

  @OptionGroup var mapping: MappingOptions
  @OptionGroup var input: InputOptions

  func validate() throws {
    guard mapping.map != nil || target != nil else {
      throw ValidationError("--map or --target says what the tensors are to become")
    }
  }

  /// The plan, with every problem that it has.
  func plan() throws -> (state: StateDict, plan: MappingPlan) {
    let state = try input.open(source)
    var rules = try mapping.read()
    if let key { rules?.key = key }
    guard let target else { return (state, MappingPlan(rules ?? WeightMapping([]), from: state)) }
    switch try TargetOptions.target(target, input) {
    case .model(let type): return (state, type.plan(importing: state, key: key, mapping: rules))
    case .parameters(let patterns):
      let plan =
        rules.map { MappingPlan($0, from: state) { _ in patterns } } ?? MappingPlan(patterns, from: state, key: key)
      return (state, plan)
    }
  }
}

/// What tensors are to become: a model, or parameters that a file declares.
enum TargetOptions {
  case model(any ImportableModel.Type)
  case parameters([ParameterPattern])

  static let help: ArgumentHelp =
    "What is wanted: a model's name, a file of declared parameters (tensorferry.parameters/1), or a weight file."

  /// A name of a model, or the path of a file.
  static func target(_ text: String, _ input: InputOptions) throws -> TargetOptions {
    if let type = ModelRegistry.importable.first(where: { $0.id == text || $0.id.prefix { $0 != "/" } == text }) {
      return .model(type)
    }
    let file = try SourceFile(path: text)
    if file.byteCount > 0, file.byteCount <= 16 << 20, try file.read(at: 0, count: 1) == Array("{".utf8),
      let json = try? JSONValue(parsing: file.read(at: 0, count: Int(file.byteCount))), json["parameters"] != nil
    {
      return .parameters(try ParameterSchema(json: json, file: text).patterns)
    }
    return .parameters(ParameterSchema(of: try input.open(text)).patterns)
  }
}
