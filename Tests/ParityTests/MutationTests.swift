import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Each corruption of a model or of a reference is proven, and the stage where it was made is named first, for models
/// of 7-5-3, 784-256-10 and 768-512-100 with 1, 2 and 49 positions, and with vectors.
@Suite("corruptions are proven at the right stage")
struct MutationTests {
  static let sizes = ["7-5-3", "784-256-10", "768-512-100"]
  static let forms = ["vector", "1", "2", "49"]
  static let sceneNames = sizes.flatMap { size in forms.map { "\(size) x \($0)" } }
  static let recorded = Result { try Scene.all(in: pythonTensors(recorder + program)) }

  static func scene(_ name: String) throws -> Scene {
    try #require(recorded.get().first { $0.name == name })
  }

  @Test("nothing corrupted is parity", arguments: sceneNames)
  func clean(name: String) throws {
    let report = try Self.scene(name).verify()
    #expect(report.verdict.isParity)
    #expect(report.blame == .neither)
    #expect(report.firstDivergence == nil)
    #expect(report.stages.allSatisfy { $0.compared > 0 && $0.deciding.utilisation <= 1 })
  }

  enum Corruption: String, CaseIterable {
    case fcInBFloat16, fcInFloat16, attentionBiasZero, fcRowsSwapped, classifierBiasZero, oneWeightScaled

    /// Where it must be found.
    var stage: String {
      switch self {
      case .fcInBFloat16, .fcInFloat16, .fcRowsSwapped, .oneWeightScaled: "fc"
      case .attentionBiasZero: "attention_scores"
      case .classifierBiasZero: "output"
      }
    }

    private var parameter: String {
      switch self {
      case .fcInBFloat16, .fcInFloat16, .fcRowsSwapped, .oneWeightScaled: "fc.weight"
      case .attentionBiasZero: "attention.bias"
      case .classifierBiasZero: "classifier.bias"
      }
    }

    func apply(to parameters: inout [String: Tensor]) throws {
      let tensor = parameters[parameter]!
      var values = try tensor.floats()
      switch self {
      case .fcInBFloat16: values = values.map { BFloat16.widen(BFloat16.narrow($0)) }
      case .fcInFloat16: values = values.map { HalfPrecision.widen(HalfPrecision.narrow($0)) }
      case .attentionBiasZero, .classifierBiasZero: values = values.map { _ in 0 }
      case .fcRowsSwapped:
        for column in 0..<tensor.shape[1] { values.swapAt(3 * tensor.shape[1] + column, 4 * tensor.shape[1] + column) }
      case .oneWeightScaled: values[tensor.shape[1] + 2] *= 1.0001
      }
      parameters[parameter] = try Tensor(values, shape: tensor.shape)
    }
  }

  @Test("a corrupted model is refuted", arguments: Corruption.allCases, sceneNames)
  func corrupted(corruption: Corruption, name: String) throws {
    var scene = try Self.scene(name)
    try corruption.apply(to: &scene.parameters)
    let report = try scene.verify()
    #expect(report.verdict == .mismatchProven)
    #expect(report.firstDivergence?.name == corruption.stage)
    #expect(report.blame == .reference)
    // No other stage is drawn in: each is fed the reference's own input.
    #expect(report.stages.count { $0.verdict == .mismatchProven } == 1)
  }

  @Test("a reference whose softmax ran over the wrong axis is refuted", arguments: sceneNames)
  func wrongAxis(name: String) throws {
    let report = try Self.scene(name).verify("wrong_axis")
    #expect(report.verdict == .mismatchProven)
    #expect(report.firstDivergence?.name == "attention_weights")
    #expect(report.blame == .reference)
    #expect(report.stages.count { $0.verdict == .mismatchProven } == 1)
  }

  @Test("the attention bias is not seen in the logits")
  func blindLogits() throws {
    var scene = try Self.scene("784-256-10 x 49")
    try Corruption.attentionBiasZero.apply(to: &scene.parameters)
    let output = try #require(scene.verify().stages.last)
    #expect(output.name == "output")
    #expect(output.verdict.isParity)
  }

  private static let program = """
    torch.manual_seed(3)
    for d, h, c in ((7, 5, 3), (784, 256, 10), (768, 512, 100)):
        for n in ("vector", 1, 2, 49):
            # More than one sample: a softmax over a batch of one would be that over one position.
            b = 2 if n == 49 else 3
            inputs = [torch.randn(b, d) if n == "vector" else torch.randn(b, n, d) for _ in range(2 if d == 7 else 1)]
            scene(f"{d}-{h}-{c} x {n}", parameters(d, h, c), inputs, {"right": 1, "wrong_axis": 0})
    """
}
