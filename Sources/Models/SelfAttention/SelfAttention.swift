public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// Self-attention without parameters: `context(x_i) = sum over j of softmax_j(x_i . x_j / scale) x_j`.
///
/// The scale is 1 (dot-product attention) or the square root of the number of features (scaled dot-product attention).
/// An input of shape `[positions, features]` is a batch of one.
public struct SelfAttention: ImportableModel {
  public static let id = "SelfAttention/1"

  public let configuration: Configuration
  public let graph: StageGraph
  public let parameters: [String: ArrayView<Float>]

  public init(configuration: Configuration, parameters: [String: Tensor] = [:]) throws {
    self.configuration = configuration
    graph = try Self.graph(for: configuration)
    self.parameters = try graph.load(parameters)
  }

  public static let options = [ModelOption("scaled")]

  public static func patterns(for names: [String], options: JSONValue) -> [ParameterPattern] { [] }

  public static func graph(for configuration: Configuration) throws -> StageGraph {
    try StageGraph(
      inputs: [InputSpec("x", ["batch", "positions", "features"], optional: "batch")],
      parameters: [],
      stages: [
        Stage(
          "attention_scores",
          BatchedProduct(transposeRight: true, scale: configuration.scaled ? .inverseRootOfTerms : .one),
          .input("x"), .input("x")),
        Stage("attention_weights", Softmax(axis: 2), .stage("attention_scores")),
        Stage("context", BatchedProduct(), .stage("attention_weights"), .input("x")),
      ],
      output: "context")
  }

  /// Mixes every position with those that resemble it.
  ///
  /// - Parameter features: `F32`, `F16` or `BF16` of shape `[batch, positions, features]` or `[positions, features]`.
  /// - Returns: `F32`, shape `[batch, positions, features]`.
  /// - Throws: ``ModelError`` or ``OperatorError`` if the features have another type or shape.
  /// - Complexity: O(batch · positions² · features) time, O(batch · positions²) memory.
  public func callAsFunction(_ features: Tensor) throws -> Tensor { try output(["x": features]) }
}
