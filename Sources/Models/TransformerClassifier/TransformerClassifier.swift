public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// A `torch.nn.TransformerEncoder`, attention over the positions of its result, and a linear classifier.
///
/// What it computes, in PyTorch's words:
///
///     x = encoder(x, src_key_padding_mask=padding_mask)
///     attention_scores = attention(x).masked_fill(padding_mask.unsqueeze(2), -inf)
///     attention_weights = softmax(attention_scores, dim=1)
///     attended_x = bmm(attention_weights.transpose(1, 2), x).squeeze(1)
///     output = classifier(attended_x)
///
/// Without a mask nothing is ignored.
public struct TransformerClassifier: ImportableModel, Classifier {
  public static let id = "TransformerClassifier/1"

  public let configuration: Configuration
  public let graph: StageGraph
  public let parameters: [String: ArrayView<Float>]

  public init(configuration: Configuration, parameters: [String: Tensor]) throws {
    self.configuration = configuration
    graph = try Self.graph(for: configuration)
    self.parameters = try graph.load(parameters)
  }

  public static let options = [
    ModelOption("num_heads"),
    ModelOption("activation", standard: "relu"),
    ModelOption("norm_first", standard: false),
    ModelOption("layer_norm_eps", standard: .number(1e-5)),
  ]

  public static func patterns(for names: [String], options: JSONValue) -> [ParameterPattern] {
    patterns(layers: max(1, layerCount(in: names)), finalNorm: hasFinalNorm(in: names))
  }

  private static func patterns(layers: Int, finalNorm: Bool) -> [ParameterPattern] {
    (0..<layers).flatMap { EncoderLayer($0).patterns }
      + (finalNorm ? [.init("encoder.norm.weight", ["model_size"]), .init("encoder.norm.bias", ["model_size"])] : [])
      + [
        .init("attention.weight", [1, "model_size"], layout: .outputFirst), .init("attention.bias", [1]),
        .init("classifier.weight", ["num_classes", "model_size"], layout: .outputFirst),
        .init("classifier.bias", ["num_classes"]),
      ]
  }

  /// How many layers there are from layer 0 on without a gap; at most one for each name.
  private static func layerCount(in names: [String]) -> Int {
    var layers: Set<Int> = []
    for name in names {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      for index in parts.indices.dropLast(2) where parts[index] == "encoder" && parts[index + 1] == "layers" {
        if let layer = Int(parts[index + 2]) { layers.insert(layer) }
      }
    }
    return (0...layers.count).first { !layers.contains($0) } ?? 0
  }

  private static func hasFinalNorm(in names: [String]) -> Bool {
    let found = NameSuffixes(names)
    return found.contains("encoder.norm.weight") || found.contains("encoder.norm.bias")
  }

  public static func configuration(
    sizes: [String: Int], names: [String], options: JSONValue
  ) throws -> Configuration {
    let model = sizes["model_size"] ?? 0
    if let rows = sizes["in_proj_size"], rows != 3 * model {
      throw ModelError(
        .parameterShape, "the joint projections have \(rows) rows, the model of size \(model) needs \(3 * model)",
        name: "encoder.layers.0.self_attn.in_proj_weight")
    }
    let told: [JSONValue.Member] = [
      .init("model_size", JSONValue(model)),
      .init("feedforward_size", JSONValue(sizes["feedforward_size"] ?? 0)),
      .init("num_layers", JSONValue(layerCount(in: names))),
      .init("num_classes", JSONValue(sizes["num_classes"] ?? 0)),
      .init("final_norm", .bool(hasFinalNorm(in: names))),
    ]
    return try configuration(told: told, options)
  }

  public static func graph(for configuration: Configuration) throws -> StageGraph {
    let mask = ValueName.input("padding_mask")
    var stages: [Stage] = []
    var x = ValueName.input("x")
    for index in 0..<configuration.layerCount {
      stages += EncoderLayer(index).stages(of: x, mask: mask, configuration)
      x = stages.last.map { .stage($0.name) } ?? x
    }
    if configuration.normalisesLast {
      stages.append(
        Stage(
          "encoder.norm", LayerNorm(eps: configuration.eps), x, .parameter("encoder.norm.weight"),
          .parameter("encoder.norm.bias")))
      x = .stage("encoder.norm")
    }
    stages += [
      Stage("attention_scores", Linear(), x, .parameter("attention.weight"), .parameter("attention.bias")),
      Stage("attention_weights", MaskedSoftmax(axis: 1), .stage("attention_scores"), mask),
      Stage("attended_x", WeightedSum(), .stage("attention_weights"), x),
      Stage("output", Linear(), .stage("attended_x"), .parameter("classifier.weight"), .parameter("classifier.bias")),
    ]
    return try StageGraph(
      inputs: [
        InputSpec("x", ["batch", "positions", "features"]),
        InputSpec(mask: "padding_mask", ["batch", "positions"]),
      ],
      parameters: patterns(layers: configuration.layerCount, finalNorm: configuration.normalisesLast).specs(in: [
        "model_size": configuration.modelSize, "in_proj_size": 3 * configuration.modelSize,
        "feedforward_size": configuration.feedforwardSize, "num_classes": configuration.classCount,
      ]),
      stages: stages, output: "output")
  }

  /// Classifies samples.
  ///
  /// - Parameters:
  ///   - features: `[batch, positions, model size]`.
  ///   - ignoring: `BOOL` of shape `[batch, positions]`, true for padding; nil for none. Where all positions of a sample
  ///     are ignored, its logits are NaN.
  /// - Returns: `F32` logits, shape `[batch, classes]`; not normalised.
  /// - Throws: ``ModelError`` or ``OperatorError`` if an input has another type or shape.
  public func callAsFunction(_ features: Tensor, ignoring: Tensor? = nil) throws -> Tensor {
    var inputs = ["x": features]
    inputs["padding_mask"] = ignoring
    return try output(inputs)
  }
}
