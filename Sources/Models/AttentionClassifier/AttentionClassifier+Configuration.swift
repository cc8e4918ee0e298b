public import TensorFerryOperators
public import TensorFerryTensors

extension AttentionClassifier {
  /// The three sizes that determine the parameters.
  public struct Configuration: ModelConfiguration {
    /// How many features a position has.
    public let inputSize: Int
    /// How many features a position has behind the first layer.
    public let hiddenSize: Int
    public let classCount: Int

    /// - Throws: ``ModelError`` with code `.invalidConfiguration` if a size is below 1.
    public init(inputSize: Int, hiddenSize: Int, classCount: Int) throws {
      try self.init(json: Self.json(inputSize, hiddenSize, classCount))
    }

    public init(json: JSONValue) throws {
      var reader = ConfigurationReader(json)
      inputSize = reader.size("input_size")
      hiddenSize = reader.size("hidden_size")
      classCount = reader.size("num_classes")
      try reader.finish()
    }

    public var json: JSONValue { Self.json(inputSize, hiddenSize, classCount) }

    private static func json(_ inputs: Int, _ hidden: Int, _ classes: Int) -> JSONValue {
      ["input_size": JSONValue(inputs), "hidden_size": JSONValue(hidden), "num_classes": JSONValue(classes)]
    }
  }
}
