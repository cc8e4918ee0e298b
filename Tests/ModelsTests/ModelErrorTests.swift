import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import Testing

@Suite("what does not fit a model")
struct ModelErrorTests {
  static let refused: [(ModelError.Code, @Sendable () throws -> Void)] = [
    (.invalidConfiguration, { _ = try AttentionClassifier.Configuration(inputSize: 0, hiddenSize: 5, classCount: 3) }),
    (.missingParameter, { try make { $0["fc.bias"] = nil } }),
    (.unexpectedParameter, { try make { $0["fc.scale"] = $0["fc.bias"] } }),
    (.parameterShape, { try make { $0["fc.weight"] = try Tensor([Float](repeating: 0, count: 35), shape: [7, 5]) } }),
    (.parameterType, { try make { $0["fc.bias"] = try Tensor([Double](repeating: 0, count: 5), shape: [5]) } }),
    (.notFoldable, { _ = try FoldedModel(AttentionClassifierTests.model(), inputs: ["x": [0, 6, 7]]) }),
    (
      .outsideBound,
      {
        let x = try AttentionClassifierTests.tensor("positions.x")
        let huge = try Tensor(x.floats().map { $0 * 1e38 }, shape: x.shape)
        _ = try AttentionClassifierTests.model().folded().certified(["x": huge])
      }
    ),
    (.missingInput, { _ = try AttentionClassifierTests.model().run([:]) }),
    (.unexpectedInput, { try run(["x": features(), "y": features()]) }),
    (.inputShape, { try run(["x": Tensor([Float](repeating: 0, count: 7), shape: [7])]) }),
    (.inputType, { try run(["x": Tensor([Int64](repeating: 0, count: 7), shape: [1, 7])]) }),
  ]

  @Test("each kind of problem is refused with its code", arguments: ModelError.Code.allCases)
  func refusal(of code: ModelError.Code) throws {
    let provoke = try #require(Self.refused.first { $0.0 == code }).1
    let error = #expect(throws: ModelError.self) { try provoke() }
    #expect(error?.problems.map(\.code) == [code])
  }

  @Test("all problems with parameters are named at once, with both shapes")
  func everyProblem() {
    let error = #expect(throws: ModelError.self) {
      try Self.make {
        $0["fc.weight"] = try Tensor([Float](repeating: 0, count: 35), shape: [7, 5])
        $0["attention.bias"] = nil
        $0["classifier.bias"] = nil
        $0["extra"] = $0["fc.bias"]
      }
    }
    #expect(
      error?.problems.map(\.name) == ["fc.weight", "attention.bias", "classifier.bias", "extra"])
    #expect(error?.description.contains("has shape [7, 5], the model needs [5, 7]") == true)
  }

  @Test("features of another size are refused with both sizes")
  func featureSize() throws {
    let error = #expect(throws: OperatorError.self) {
      try AttentionClassifierTests.model()([Float](repeating: 0, count: 6))
    }
    #expect(error?.description.contains("x [1, 1, 6] has 6 features, the weight [5, 7] takes 7") == true)
  }

  @Test("every problem of a configuration is named")
  func configuration() {
    let error = #expect(throws: ModelError.self) {
      try AttentionClassifier.Configuration(
        json: JSONValue(parsing: #"{"input_size": 7.5, "hidden_size": "5", "depth": 2}"#))
    }
    #expect(error?.problems.map(\.name) == ["input_size", "hidden_size", "num_classes", "depth"])
  }

  private static func features() throws -> Tensor { try Tensor([Float](repeating: 0, count: 7), shape: [1, 7]) }

  private static func run(_ inputs: [String: Tensor]) throws {
    _ = try AttentionClassifierTests.model().run(inputs)
  }

  private static func make(_ change: (inout [String: Tensor]) throws -> Void) throws {
    var parameters = try AttentionClassifierTests.parameters()
    try change(&parameters)
    _ = try AttentionClassifierTests.model(parameters)
  }
}
