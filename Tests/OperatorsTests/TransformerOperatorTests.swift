import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What the bounds must not explain, and what happens where numbers are not finite or are ignored.
@Suite("operators of transformers")
struct TransformerOperatorTests {
  /// `<index>/<operator>/...` as ``Trial`` reads it: each result is that of another function than the operator's.
  static let wrong = Result {
    try Trial.all(
      in: pythonTensors(
        """
        torch.manual_seed(5)
        F, count = torch.nn.functional, 0

        def wrong(name, function, *operands):
            global count
            for kind in (torch.float32, torch.float64):
                given = [operand.to(kind) for operand in operands]
                for index, operand in enumerate(given):
                    emit(f"{count}/{name}/{index}", operand)
                emit(f"{count}/{name}/result", function(*given))
                count += 1

        for n in (16, 64, 512):
            x, w, c = torch.randn(5, n).double(), torch.randn(n).double(), torch.randn(n).double()
            wrong("gelu", lambda x: F.gelu(x, approximate="tanh"), x)
            wrong("relu", F.gelu, x)
            wrong("gelu", F.relu, x)
            bf16 = lambda v: v.bfloat16().to(v.dtype)
            wrong("layer_norm", lambda x, w, c: F.layer_norm(x, (n,), bf16(w), c), x, w, c)
            wrong("layer_norm", lambda x, w, c: F.layer_norm(x, (n,), w.roll(1), c), x, w, c)
            # The variance of the sample, not of the population.
            wrong("layer_norm", lambda x, w, c: (x - x.mean(1, True)) / (x.var(1, keepdim=True) + 1e-5).sqrt() * w + c,
                  x, w, c)
            wrong("layer_norm", lambda x, w, c: F.layer_norm(x, (n,), w, c, 1e-12), x * 1e-2, w, c)
            wrong("layer_norm", lambda x, w, c: F.layer_norm(x, (n,), w, c, 1e-12), x * 1e-2 + 0.1, w, c)
            wrong("add", lambda x, y: x + bf16(y), x, x.flip(0))
            ignored = torch.zeros(2, n).double()
            ignored[0, -2:] = 1
            scores = torch.randn(2, 3, 5, n).double()
            wrong("masked_softmax_3", lambda s, m: torch.softmax(s, 3), scores, ignored)
            wrong("masked_softmax_3",
                  lambda s, m: torch.softmax(s.masked_fill(~m.bool()[:, None, None], -np.inf)[:1].repeat(2, 1, 1, 1), 3),
                  scores, ignored)
            wrong("masked_softmax_3", lambda s, m: torch.softmax(s + m[:, None, None] * -10, 3), scores, ignored)
            merged = torch.randn(2, 5, 3 * n).double()
            # The heads side by side in the other order.
            wrong("split_heads", lambda x: x.unflatten(2, (n, 3)).permute(0, 3, 1, 2), merged)
            wrong("mean_over_heads", lambda w: w.sum(1), scores)
        """))
  }

  @Test("another function than the operator's exceeds the bound, in float32 and in float64")
  func otherFunctions() throws {
    let trials = try Self.wrong.get()
    #expect(trials.count == 84)
    for trial in trials {
      #expect(try trial.utilisation() > 1, "\(trial.name) \(trial.operands.map(\.shape)) \(trial.result.dtype)")
    }
  }

  @Test("a NaN goes through", arguments: ["relu", "gelu", "add"])
  func notANumber(name: String) throws {
    let x = try ArrayView<Float>([.nan, -1, 2], shape: [3])
    let operation = try #require(Trial.operations[name])
    let result = try Self.run(operation, name == "add" ? [x, x] : [x])
    #expect(result[0].isNaN && result.dropFirst().allSatisfy { !$0.isNaN })
  }

  @Test("a NaN reaches its own row of a norm alone")
  func notANumberInNorm() throws {
    let x = try ArrayView<Float>([.nan, -1, 2, 1, 2, 3], shape: [2, 3])
    let one = try ArrayView<Float>([1, 1, 1], shape: [3])
    let result = try Self.run(LayerNorm(eps: 1e-5), [x, one, one])
    #expect(result[..<3].allSatisfy { $0.isNaN } && result[3...].allSatisfy { $0.isFinite })
  }

  @Test("a row of equal features is its bias, within a finite bound", arguments: [0, 0.5, -3] as [Float])
  func constantRow(value: Float) throws {
    let x = try ArrayView<Float>([value, value, value, value], shape: [1, 4])
    let one = try ArrayView<Float>([1, 2, 3, 4], shape: [4])
    #expect(try Self.run(LayerNorm(eps: 1e-5), [x, one, one]) == [1, 2, 3, 4])
    let bound = try Self.bound(LayerNorm(eps: 1e-5), [x, one, one])
    #expect(bound.allSatisfy { $0.isFinite && $0 < 0.1 })
  }

  @Test("a row whose mean drowns its variance has no bound")
  func drownedVariance() throws {
    let x = try ArrayView<Float>([1e6, 1e6, 1e6, 1e6], shape: [1, 4])
    let one = try ArrayView<Float>([1, 1, 1, 1], shape: [4])
    #expect(try Self.bound(LayerNorm(eps: 1e-5), [x, one, one]).allSatisfy { !($0 < .infinity) })
  }

  @Test("ignored positions get exactly 0 and no bound, whatever their scores", arguments: [Float.nan, .infinity, 1e30])
  func ignored(score: Float) throws {
    let scores = try ArrayView<Float>([1, score, 2, score], shape: [1, 4])
    let mask = try ArrayView<Float>([0, 1, 0, 1], shape: [1, 4])
    let shares = try Self.run(MaskedSoftmax(axis: 1), [scores, mask])
    let bound = try Self.bound(MaskedSoftmax(axis: 1), [scores, mask])
    #expect(shares[1] == 0 && shares[3] == 0 && bound[1] == 0 && bound[3] == 0)
    #expect(abs(shares[0] + shares[2] - 1) < 1e-6 && bound[0] > 0 && bound[2] < 1e-6)
  }

  @Test("a slice that is ignored as a whole is NaN, the others are not")
  func allIgnored() throws {
    let scores = try ArrayView<Float>([1, 2, 3, 4], shape: [2, 2])
    let mask = try ArrayView<Float>([1, 1, 0, 0], shape: [2, 2])
    let shares = try Self.run(MaskedSoftmax(axis: 1), [scores, mask])
    #expect(shares[0].isNaN && shares[1].isNaN && shares[2] + shares[3] == 1)
  }

  @Test("without ignored positions it is the softmax, bit for bit, and so is its bound", arguments: [1, 2, 3])
  func nothingIgnored(axis: Int) throws {
    let values = (0..<48).map { Float(($0 * 37) % 19) / 3 }
    let shape: Shape = [2, 3, 4, 2]
    let scores = try ArrayView(values, shape: shape)
    let mask = try ArrayView([Float](repeating: 0, count: 2 * shape[axis]), shape: Shape([2, shape[axis]]))
    #expect(try Self.run(MaskedSoftmax(axis: axis), [scores, mask]) == Self.run(Softmax(axis: axis), [scores]))
    #expect(try Self.bound(MaskedSoftmax(axis: axis), [scores, mask]) == Self.bound(Softmax(axis: axis), [scores]))
  }

  private static func run(_ operation: any Operator, _ operands: [ArrayView<Float>]) throws -> [Float] {
    var workspace = Workspace()
    return try Stage("stage", operation).evaluate(operands, &workspace).values
  }

  private static func bound(_ operation: any Operator, _ operands: [ArrayView<Float>]) throws -> [Double] {
    let stage = Stage("stage", operation)
    let wide = try operands.map { try $0.widened() }
    var workspace = Workspace()
    return try stage.bound(wide, output: stage.evaluate(wide, &workspace), .float32).values
  }
}
