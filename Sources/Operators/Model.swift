public import TensorFerryTensors

/// A stage graph and its parameters: what runs, and what is verified.
///
/// A model is `Sendable` and may be called from several tasks: scratch memory belongs to the call.
public protocol Model: Sendable {
  associatedtype Configuration: ModelConfiguration

  /// The model's name and the version of its list of stages, for example `AttentionClassifier/1`; files bear it.
  static var id: String { get }

  /// The forward pass for a configuration.
  static func graph(for configuration: Configuration) throws -> StageGraph

  var configuration: Configuration { get }
  var graph: StageGraph { get }
  /// One float32 view for each parameter that the graph declares.
  var parameters: [String: ArrayView<Float>] { get }

  /// Takes the parameters by name, in PyTorch's layout; all or nothing.
  ///
  /// - Throws: ``ModelError`` with every parameter that is missing, unexpected, mis-shaped or of another type than
  ///   `F32`, `F16`, `BF16`.
  init(configuration: Configuration, parameters: [String: Tensor]) throws
}

/// The sizes that determine a model's parameters.
public protocol ModelConfiguration: Hashable, Sendable {
  /// - Throws: ``ModelError`` with code `.invalidConfiguration` and every problem.
  init(json: JSONValue) throws

  /// An object with snake_case members, as model files hold it.
  var json: JSONValue { get }
}

extension Model {
  /// What the model declares of its parameters, in order.
  public static func parameters(of configuration: Configuration) throws -> [ParameterSpec] {
    try graph(for: configuration).parameters
  }

  /// Makes a model from the configuration in a model file.
  public static func make(configuration: JSONValue, parameters: [String: Tensor]) throws -> Self {
    try Self(configuration: Configuration(json: configuration), parameters: parameters)
  }

  /// Runs the model in float32 and returns the result of every stage.
  ///
  /// - Parameter inputs: a tensor for each input that the graph declares; `F16` and `BF16` are widened, masks are `BOOL`
  ///   and may be left out.
  /// - Returns: an `F32` tensor for each stage, by the stage's name.
  /// - Throws: ``ModelError`` for inputs that are missing, unexpected, of another type or number of dimensions,
  ///   ``OperatorError`` for sizes that do not fit.
  public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
    let values = try graph.run(inputs, parameters)
    var results: [String: Tensor] = [:]
    for stage in graph.stages { results[stage.name] = try values[.stage(stage.name)]!.tensor() }
    return results
  }

  /// Runs the model in float32 and returns the result of the stage that is its answer.
  ///
  /// - Parameter inputs: as ``run(_:)`` takes them.
  /// - Returns: an `F32` tensor.
  /// - Throws: as ``run(_:)``.
  public func output(_ inputs: [String: Tensor]) throws -> Tensor {
    try graph.run(inputs, parameters)[.stage(graph.output)]!.tensor()
  }
}

extension ArrayView<Float> {
  package func tensor() throws -> Tensor { try Tensor(values, shape: shape) }
}
