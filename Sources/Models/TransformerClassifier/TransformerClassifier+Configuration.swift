public import TensorFerryOperators
public import TensorFerryTensors

extension TransformerClassifier {
  /// What stands between the two linear layers of an encoder layer.
  public enum Activation: String, CaseIterable, Sendable {
    case relu
    /// The exact form, by erf.
    case gelu
  }

  /// The sizes of the encoder and its options, as `torch.nn.TransformerEncoderLayer` has them.
  public struct Configuration: ModelConfiguration {
    /// How many features a position has: `d_model`.
    public let modelSize: Int
    public let headCount: Int
    /// How many features there are between the two linear layers: `dim_feedforward`.
    public let feedforwardSize: Int
    public let layerCount: Int
    public let classCount: Int
    public let activation: Activation
    /// Whether each part of a layer is normalised before it, and not after.
    public let normalisesFirst: Bool
    /// Whether the result of the last layer is normalised.
    public let normalisesLast: Bool
    /// What is added to variances.
    public let eps: Double

    /// - Throws: ``ModelError`` with code `.invalidConfiguration` and every member that is missing or wrong.
    public init(json: JSONValue) throws {
      var reader = ConfigurationReader(json)
      let largest = MultiheadAttention.Configuration.largest
      modelSize = reader.size("model_size", limit: largest)
      headCount = reader.size("num_heads", limit: largest)
      feedforwardSize = reader.size("feedforward_size", limit: largest)
      layerCount = reader.size("num_layers", limit: 10_000)
      classCount = reader.size("num_classes", limit: largest)
      activation = reader.choice("activation", .relu)
      normalisesFirst = reader.flag("norm_first")
      normalisesLast = reader.flag("final_norm")
      eps = reader.number("layer_norm_eps")
      reader.demand(heads: headCount, share: modelSize)
      try reader.finish()
    }

    public var json: JSONValue {
      [
        "model_size": JSONValue(modelSize), "num_heads": JSONValue(headCount),
        "feedforward_size": JSONValue(feedforwardSize), "num_layers": JSONValue(layerCount),
        "num_classes": JSONValue(classCount), "activation": .string(activation.rawValue),
        "norm_first": .bool(normalisesFirst), "final_norm": .bool(normalisesLast), "layer_norm_eps": .number(eps),
      ]
    }
  }
}
