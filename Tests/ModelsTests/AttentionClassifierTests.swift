import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The model on parameters, features and results that PyTorch made; sizes 7-5-3, batch 4, 6 positions.
@Suite("AttentionClassifier")
struct AttentionClassifierTests {
  static let recorded = Result { try pythonTensors(program) }

  @Test("its stages have PyTorch's names and shapes")
  func stageShapes() throws {
    let stages = try Self.model().run(["x": Self.tensor("positions.x")])
    #expect(
      stages.mapValues(\.shape) == [
        "fc": [4, 6, 5], "attention_scores": [4, 6, 1], "attention_weights": [4, 6, 1], "attended_x": [4, 5],
        "output": [4, 3],
      ])
  }

  @Test("it predicts PyTorch's classes", arguments: ["positions", "vector"])
  func classes(form: String) throws {
    let logits = try Self.model()(Self.tensor("\(form).x"))
    let expected = try Self.tensor("\(form).output")
    #expect(logits.shape == expected.shape)
    #expect(try Self.classes(logits) == Self.classes(expected))
  }

  @Test("a vector of features is one position")
  func vectorForm() throws {
    let model = try Self.model()
    let x = try Self.tensor("vector.x")
    let positions = try Tensor(dtype: .f32, shape: [4, 1, 7], bytes: x.bytes)
    #expect(try model(x) == model(positions))
    #expect(try model.run(["x": x])["attention_weights"]?.floats() == [1, 1, 1, 1])
  }

  @Test("one sample as an array gives the logits of a batch of one")
  func sampleAsArray() throws {
    let model = try Self.model()
    let sample = try Array(Self.tensor("vector.x").floats()[7..<14])
    #expect(try model(sample) == model(Tensor(sample, shape: [1, 7])).floats())
  }

  @Test("calling it gives the last stage of running it")
  func callAndRun() throws {
    let model = try Self.model()
    let x = try Self.tensor("positions.x")
    #expect(try model.run(["x": x])["output"] == model(x))
  }

  @Test(
    "folded into one pass it gives PyTorch's logits within the bound of the faithful model",
    arguments: ["positions", "vector"])
  func folded(form: String) throws {
    let x = try Self.tensor("\(form).x")
    let folded = try Self.model().folded()
    #expect(folded.graph.stages.map(\.name) == ["attended_x.input", "output"])
    #expect(try folded.certificate(on: ["x": x]).holds)
    let expected = try Self.tensor("\(form).output").floats()
    #expect(try zip(folded.output(["x": x]).floats(), expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("several tasks may call it at once")
  func concurrency() async throws {
    let model = try Self.model()
    let x = try Self.tensor("positions.x")
    let expected = try model(x)
    try await withThrowingTaskGroup(of: Tensor.self) { group in
      for _ in 0..<8 { group.addTask { try model(x) } }
      for try await result in group { #expect(result == expected) }
    }
  }

  @Test("half-precision parameters and features are widened", arguments: [DType.f16, .bf16])
  func halfPrecision(dtype: DType) throws {
    func narrowed(_ tensor: Tensor) throws -> Tensor {
      let words = try tensor.floats().map { dtype == .f16 ? HalfPrecision.narrow($0) : BFloat16.narrow($0) }
      return try Tensor(
        dtype: dtype, shape: tensor.shape, bytes: words.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
    }
    func widened(_ tensor: Tensor) throws -> Tensor { try Tensor(narrowed(tensor).floats(), shape: tensor.shape) }
    let parameters = try Self.parameters()
    let x = try Self.tensor("positions.x")
    let narrow = try Self.model(parameters.mapValues(narrowed))(narrowed(x))
    let wide = try Self.model(parameters.mapValues(widened))(widened(x))
    #expect(narrow == wide)
  }

  @Test("no samples give no logits")
  func emptyBatch() throws {
    let logits = try Self.model()(Tensor([Float](), shape: [0, 6, 7]))
    #expect(logits.shape == [0, 3])
  }

  static func model(_ parameters: [String: Tensor]? = nil) throws -> AttentionClassifier {
    let configuration = try AttentionClassifier.Configuration(inputSize: 7, hiddenSize: 5, classCount: 3)
    return try AttentionClassifier(configuration: configuration, parameters: parameters ?? Self.parameters())
  }

  static func parameters() throws -> [String: Tensor] {
    var parameters: [String: Tensor] = [:]
    for element in try recorded.get() where element.name.hasPrefix("parameters.") {
      parameters[String(element.name.dropFirst(11))] = try element.tensor.read()
    }
    return parameters
  }

  static func tensor(_ name: String) throws -> Tensor { try #require(recorded.get()[name]).read() }

  private static func classes(_ logits: Tensor) throws -> [Int] {
    let values = try logits.floats()
    return (0..<logits.shape[0]).map { row in
      let scores = values[row * logits.shape[1]..<(row + 1) * logits.shape[1]]
      return scores.indices.max { scores[$0] < scores[$1] }! - scores.startIndex
    }
  }

  private static let program = """
    torch.manual_seed(11)
    fc, attention, classifier = torch.nn.Linear(7, 5), torch.nn.Linear(5, 1), torch.nn.Linear(5, 3)
    for name, layer in (("fc", fc), ("attention", attention), ("classifier", classifier)):
        emit(f"parameters.{name}.weight", layer.weight)
        emit(f"parameters.{name}.bias", layer.bias)
    for form, x in (("positions", torch.randn(4, 6, 7)), ("vector", torch.randn(4, 7))):
        h = fc(x)
        weights = torch.softmax(attention(h), dim=1)
        if x.dim() == 2:
            attended = torch.bmm(weights.unsqueeze(2), h.unsqueeze(1)).squeeze(1)
        else:
            attended = torch.bmm(weights.transpose(1, 2), h).squeeze(1)
        emit(f"{form}.x", x)
        emit(f"{form}.output", classifier(attended))
    """
}
