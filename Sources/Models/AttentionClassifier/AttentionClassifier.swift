public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// A linear layer, attention over the positions of its result, and a linear classifier.
///
/// What it computes, in PyTorch's words:
///
///     x = fc(x)
///     attention_scores = attention(x)
///     attention_weights = softmax(attention_scores, dim=1)
///     attended_x = bmm(attention_weights.transpose(1, 2), x).squeeze(1)
///     output = classifier(attended_x)
///
/// Features of shape `[batch, features]` are one position each.
public struct AttentionClassifier: ImportableModel, Classifier {
  public static let id = "AttentionClassifier/1"

  public let configuration: Configuration
  public let graph: StageGraph
  public let parameters: [String: ArrayView<Float>]

  public init(configuration: Configuration, parameters: [String: Tensor]) throws {
    self.configuration = configuration
    graph = try Self.graph(for: configuration)
    self.parameters = try graph.load(parameters)
  }

  public static let patterns: [ParameterPattern] = [
    ParameterPattern("fc.weight", ["hidden_size", "input_size"], layout: .outputFirst),
    ParameterPattern("fc.bias", ["hidden_size"]),
    ParameterPattern("attention.weight", [1, "hidden_size"], layout: .outputFirst),
    ParameterPattern("attention.bias", [1]),
    ParameterPattern("classifier.weight", ["num_classes", "hidden_size"], layout: .outputFirst),
    ParameterPattern("classifier.bias", ["num_classes"]),
  ]

  public static let mappings: [WeightMapping] = {
    // Safe because the patterns are constants, which a test reads.
    guard let weights = try? MappingRule("{layer}.weight", from: ["{layer}.kernel"]),
      let biases = try? MappingRule("{layer}.bias", from: ["{layer}.bias"])
    else { return [] }
    var keras = WeightMapping([weights, biases], layout: .inputFirst)
    keras.name = "Keras's names and layout"
    return [keras]
  }()

  public static func patterns(for names: [String], options: JSONValue) -> [ParameterPattern] { patterns }

  public static func graph(for configuration: Configuration) throws -> StageGraph {
    try StageGraph(
      inputs: [InputSpec("x", ["batch", "positions", "features"], optional: "positions")],
      parameters: patterns.specs(in: [
        "input_size": configuration.inputSize, "hidden_size": configuration.hiddenSize,
        "num_classes": configuration.classCount,
      ]),
      stages: [
        Stage("fc", Linear(), .input("x"), .parameter("fc.weight"), .parameter("fc.bias")),
        Stage(
          "attention_scores", Linear(), .stage("fc"), .parameter("attention.weight"), .parameter("attention.bias")),
        Stage("attention_weights", Softmax(axis: 1), .stage("attention_scores")),
        Stage("attended_x", WeightedSum(), .stage("attention_weights"), .stage("fc")),
        Stage(
          "output", Linear(), .stage("attended_x"), .parameter("classifier.weight"), .parameter("classifier.bias")),
      ],
      output: "output")
  }

  /// Classifies samples.
  ///
  /// - Parameter features: `F32`, `F16` or `BF16` of shape `[batch, features]` or `[batch, positions, features]`.
  /// - Returns: `F32` logits, shape `[batch, classes]`; not normalised.
  /// - Throws: ``ModelError`` or ``OperatorError`` if the features have another type or shape.
  public func callAsFunction(_ features: Tensor) throws -> Tensor { try output(["x": features]) }

  /// Classifies one sample of one position.
  ///
  /// - Parameter features: as many numbers as the model's input size.
  /// - Returns: one logit for each class; not normalised.
  /// - Throws: ``OperatorError`` with code `.dimensionMismatch` if there are more or fewer.
  public func callAsFunction(_ features: [Float]) throws -> [Float] {
    try self(Tensor(features, shape: Shape([1, features.count]))).floats()
  }
}

extension AttentionClassifier {
  /// The same function in one pass over the positions; see ``FoldedModel``.
  ///
  /// - Parameter positions: how many the inputs will have, for counting operations.
  public func folded(positions: Int = 64) throws -> FoldedModel {
    try FoldedModel(self, inputs: ["x": Shape([1, max(1, positions), configuration.inputSize])])
  }
}
