public import TensorFerryOperators
public import TensorFerryTensors

extension MultiheadAttention {
  /// The sizes of queries, keys and values, and the number of heads.
  public struct Configuration: ModelConfiguration {
    /// How many features a query and the result have: `embed_dim`.
    public let modelSize: Int
    /// How many features a key has: `kdim`.
    public let keySize: Int
    /// How many features a value has: `vdim`.
    public let valueSize: Int
    public let headCount: Int
    public let hasBias: Bool

    /// - Throws: ``ModelError`` with code `.invalidConfiguration` if a size is below 1, or if the heads do not share the
    ///   features evenly.
    public init(json: JSONValue) throws {
      var reader = ConfigurationReader(json)
      modelSize = reader.size("model_size", limit: Self.largest)
      keySize = reader.size("key_size", limit: Self.largest)
      valueSize = reader.size("value_size", limit: Self.largest)
      headCount = reader.size("num_heads", limit: Self.largest)
      hasBias = reader.flag("bias")
      reader.demand(heads: headCount, share: modelSize)
      try reader.finish()
    }

    public var json: JSONValue {
      [
        "model_size": JSONValue(modelSize), "key_size": JSONValue(keySize), "value_size": JSONValue(valueSize),
        "num_heads": JSONValue(headCount), "bias": .bool(hasBias),
      ]
    }

    /// Whether the three projections are one parameter.
    public var hasJointProjection: Bool { keySize == modelSize && valueSize == modelSize }

    /// What BLAS counts, with room for three projections in one.
    static let largest = Int(Int32.max) / 3
  }
}

extension ConfigurationReader {
  /// Notes heads that would get shares of different sizes.
  mutating func demand(heads: Int, share features: Int) {
    demand(features % heads == 0, "num_heads", "is \(heads), which does not divide the \(features) features")
  }
}
