public import TensorFerryOperators
public import TensorFerryTensors

extension SelfAttention {
  /// What determines the scale.
  public struct Configuration: ModelConfiguration {
    /// Whether dot products are divided by the square root of the number of features.
    public let scaled: Bool

    public init(scaled: Bool) { self.scaled = scaled }

    public init(json: JSONValue) throws {
      var reader = ConfigurationReader(json)
      scaled = reader.flag("scaled")
      try reader.finish()
    }

    public var json: JSONValue { ["scaled": .bool(scaled)] }
  }
}
