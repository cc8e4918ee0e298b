import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Against `torch.nn.functional.scaled_dot_product_attention`, which computes all stages in one kernel: the bounds of
/// the stages are carried to the end.
@Suite("SelfAttention")
struct SelfAttentionTests {
  struct Form: CustomTestStringConvertible, Sendable {
    let scaled: Bool
    let size: String
    var testDescription: String { "\(scaled ? "scaled" : "dot product"), \(size)" }
    var name: String { "\(size)/\(scaled ? "scaled" : "dot")" }
  }

  static let sizes = ["2x5x3", "1x1x7", "3x49x16", "2x197x64"]
  static let forms = [true, false].flatMap { scaled in sizes.map { Form(scaled: scaled, size: $0) } }
  static let recorded = Result { try pythonTensors(program) }

  @Test("float32 agrees with PyTorch within what rounding explains on both sides", arguments: forms)
  func float32(form: Form) throws {
    let x = try Self.tensor("\(form.size)/x")
    let ours = try SelfAttention(configuration: .init(scaled: form.scaled))(x)
    let theirs = try Self.tensor("\(form.name)/float32")
    #expect(ours.shape == theirs.shape)
    let bound = try Self.carriedBound(form.scaled, x, .float32)
    let (left, right) = try (ours.doubles(), theirs.doubles())
    #expect(left.indices.allSatisfy { abs(left[$0] - right[$0]) <= 2 * bound.values[$0] })
    #expect(bound.values.allSatisfy { $0 < 0.02 })
  }

  @Test("the oracle agrees with PyTorch in float64", arguments: forms)
  func float64(form: Form) throws {
    let x = try Self.tensor("\(form.size)/x")
    let theirs = try Self.tensor("\(form.name)/float64").doubles()
    let bound = try Self.carriedBound(form.scaled, x, .float64)
    #expect(theirs.indices.allSatisfy { abs(bound.oracle[$0] - theirs[$0]) <= bound.values[$0] })
    #expect(bound.values.allSatisfy { $0 < 1e-10 })
  }

  @Test("the other scale is told apart", arguments: sizes.filter { $0 != "1x1x7" })
  func otherScale(size: String) throws {
    let x = try Self.tensor("\(size)/x")
    let bound = try Self.carriedBound(true, x, .float32)
    let dot = try Self.tensor("\(size)/dot/float32").doubles()
    #expect(dot.indices.contains { abs(bound.oracle[$0] - dot[$0]) > bound.values[$0] })
  }

  @Test("a matrix without a batch is a batch of one")
  func withoutBatch() throws {
    let x = try Self.tensor("1x1x7/x")
    let model = try SelfAttention(configuration: .init(scaled: true))
    #expect(try model(Tensor(dtype: .f32, shape: [1, 7], bytes: x.bytes)) == model(x))
  }

  @Test("scores that do not fit in memory are refused")
  func outOfMemory() throws {
    let model = try SelfAttention(configuration: .init(scaled: false))
    let error = #expect(throws: OperatorError.self) { try model(Tensor([Float](), shape: [1, 1 << 30, 0])) }
    #expect(error?.code == .outOfMemory)
  }

  /// How far the context may be off when scores, weights and sums are: scores off by at most `e` change a weight by
  /// at most a factor of `exp(2 e)`. Fused kernels use an exponential that is good to 20 units in the last place.
  private static func carriedBound(
    _ scaled: Bool, _ x: Tensor, _ rounding: Rounding
  ) throws -> (values: [Double], oracle: [Double]) {
    let model = try SelfAttention(configuration: .init(scaled: scaled))
    let view = try ArrayView(x.doubles(), shape: x.shape)
    let values = try model.graph.evaluate([.input("x"): view])
    func stage(_ name: String, _ rounding: Rounding) throws -> ArrayView<Double> {
      let stage = model.graph.stages.first { $0.name == name }!
      return try stage.bound(stage.operands.map { values[$0]! }, output: values[.stage(name)]!, rounding)
    }
    var fused = rounding
    fused.expUlps = 20
    let scoreError = try stage("attention_scores", rounding).values.max() ?? 0
    let growth = _exp(2 * scoreError)
    let (weights, weightBounds) = try (values[.stage("attention_weights")]!, stage("attention_weights", fused))
    let sums = try stage("context", rounding)
    let (batch, positions, features) = (x.shape[0], x.shape[1], x.shape[2])
    var result = sums.values.map { $0 * growth * 2 }
    for row in 0..<batch * positions {
      for j in 0..<positions {
        let offset = row * positions + j
        let change = weights[offset] * (growth - 1) + weightBounds[offset] * growth
        let start = (row / positions * positions + j) * features
        for k in 0..<features { result[row * features + k] += change * abs(view[start + k]) }
      }
    }
    return (result, values[.stage("context")]!.values)
  }

  /// e to a power below 1, from above.
  private static func _exp(_ power: Double) -> Double { 1 + power + power * power }

  private static func tensor(_ name: String) throws -> Tensor { try #require(recorded.get()[name]).read() }

  private static let program = """
    torch.manual_seed(5)
    for b, n, d in ((2, 5, 3), (1, 1, 7), (3, 49, 16), (2, 197, 64)):
        x = torch.randn(b, n, d) * 0.7
        emit(f"{b}x{n}x{d}/x", x)
        for kind in (torch.float32, torch.float64):
            q = x.to(kind).unsqueeze(1)
            for name, scale in (("scaled", None), ("dot", 1.0)):
                context = torch.nn.functional.scaled_dot_product_attention(q, q, q, scale=scale).squeeze(1)
                emit(f"{b}x{n}x{d}/{name}/{str(kind)[6:]}", context)
    """
}
