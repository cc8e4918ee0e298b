internal import ArgumentParser
internal import TensorFerry

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A weight file: which model it is for, and where the state dict is in it.
struct WeightsOptions: ParsableArguments {
  @Option(
    help: "Where the state dict is inside a checkpoint, for example 'model' or 'ema'; found by itself if only one fits."
  )
  var key: String?

  @OptionGroup var mapping: MappingOptions
  @OptionGroup var input: InputOptions

  @Option(
    name: .customLong("model"),
    help: "The model, for example 'TransformerClassifier'; told by a model file, else found by the tensors' names.")
  var modelName: String?

  @Option(
    help: """
      What names and shapes do not tell, as JSON or as a file that holds it: '{"num_heads": 4}'. A model file tells it; \
      what is given here counts.
      """)
  var configuration: String?

  /// Opens the file and plans which tensors become the model's parameters, reading no tensor yet.
  func open(_ path: String) throws -> OpenWeights {
    let state = try input.open(path)
    let given = try givenConfiguration()
    let mapping = try mapping.read()
    if let modelName {
      let type = try Self.model(modelName)
      let file = try Self.modelFile(state)
      return OpenWeights(
        state, as: type, key: key, mapping: mapping,
        options: Self.merged(given, file?.type.id == type.id ? file?.options : nil))
    }
    if let file = try Self.modelFile(state) {
      return OpenWeights(
        state, as: file.type, key: key, mapping: mapping, options: Self.merged(given, file.options))
    }
    let names = mapping.map { MappingPlan($0, from: state).targets } ?? state.names
    return OpenWeights(
      state, as: ModelRegistry.model(for: names, options: given), key: key, mapping: mapping, options: given)
  }

  func givenConfiguration() throws -> JSONValue { try Self.given(configuration) ?? [:] }

  /// A configuration on the command line: JSON, or the path of a file that holds it.
  static func given(_ configuration: String?) throws -> JSONValue? {
    guard let configuration else { return nil }
    let isText = configuration.drop { $0.isWhitespace }.first == "{"
    let json: JSONValue
    do {
      json = try JSONValue(
        parsing: isText ? Array(configuration.utf8) : Array(Data(contentsOf: URL(filePath: configuration))))
    } catch {
      throw ValidationError("--configuration '\(configuration)': \(error)")
    }
    guard json.members != nil else {
      throw ValidationError("--configuration must be a JSON object such as '{\"num_heads\": 4}'")
    }
    return json
  }

  /// A model by its name, with or without the version.
  static func model(_ name: String) throws -> any ImportableModel.Type {
    let models = ModelRegistry.importable
    if let type = models.first(where: { $0.id == name || $0.id.prefix { $0 != "/" } == name }) { return type }
    throw ValidationError("there is no model '\(name)'; there are \(models.map { $0.id }.joined(separator: ", "))")
  }

  /// What a model file says of itself: both attributes, or it is none.
  private static func modelFile(
    _ state: StateDict
  ) throws -> (type: any ImportableModel.Type, options: JSONValue)? {
    guard let id = state.metadata("model")?.string, let text = state.metadata("configuration")?.string,
      let type = ModelRegistry.importable.first(where: { $0.id == id })
    else { return nil }
    let options = try JSONValue(parsing: text)
    guard options.members != nil else {
      throw WeightFileError(.malformed, "the configuration of the model is not a JSON object", file: state.origin?.path)
    }
    return (type, options)
  }

  private static func merged(_ given: JSONValue, _ file: JSONValue?) -> JSONValue {
    .object((given.members ?? []) + (file?.members ?? []).filter { given[$0.key] == nil })
  }
}
