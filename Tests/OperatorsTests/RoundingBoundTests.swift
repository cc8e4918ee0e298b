import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Bounds against PyTorch: 960 operations of random sizes (1 to 784 terms, 1 to 197 positions) and scales (1e-20 to
/// 1e15), each in float32 and in float64.
@Suite("bounds on rounding errors")
struct RoundingBoundTests {
  static let random = Result { try Trial.all(in: pythonTensors(program)) }

  @Test("PyTorch never exceeds the bound, in float32 and in float64")
  func torchIsWithin() throws {
    let trials = try Self.random.get()
    #expect(trials.count == 1920)
    for trial in trials {
      let utilisation = try trial.utilisation()
      #expect(utilisation <= 1, "\(trial.name) \(trial.operands.map(\.shape))")
    }
  }

  @Test("our float32 pass never exceeds the bound")
  func engineIsWithin() throws {
    for trial in try Self.random.get() {
      let utilisation = try trial.utilisationOfEngine()
      #expect(utilisation <= 1, "\(trial.name) \(trial.operands.map(\.shape))")
    }
  }

  @Test("every operator is among the random operations", arguments: Trial.operations.keys.sorted())
  func covered(name: String) throws {
    #expect(try Self.random.get().contains { $0.name.hasSuffix("/" + name) })
  }

  @Test(
    "a sum from left to right nearly attains the bound", arguments: [2, 64, 768, 65_536])
  func attained(terms: Int) throws {
    // 1 + u rounds back to 1, so that every addition loses u.
    var x = [Float](repeating: 0x1p-24, count: terms)
    x[0] = 1
    let sum = x.reduce(0, +)
    let weight = [Float](repeating: 1, count: terms)
    let trial = try Trial(
      name: "sum", operation: Linear(),
      operands: [Tensor(x, shape: Shape([1, terms])), Tensor(weight, shape: Shape([1, terms]))],
      result: Tensor([sum], shape: [1, 1]))
    let utilisation = try trial.utilisation()
    #expect(utilisation <= 1)
    #expect(utilisation > Double(terms - 1) / Double(terms) * 0.98)
  }

  @Test("one more unit in the last place per addition than rounding allows exceeds the bound", arguments: [64, 768])
  func exceeded(terms: Int) throws {
    let x = [Float](repeating: 1, count: terms)
    let wrong = Float(terms) * (1 + 1.1 * Float(terms + 1) * 0x1p-24)
    let trial = try Trial(
      name: "sum", operation: Linear(),
      operands: [Tensor(x, shape: Shape([1, terms])), Tensor(x, shape: Shape([1, terms]))],
      result: Tensor([wrong], shape: [1, 1]))
    #expect(try trial.utilisation() > 1)
  }

  @Test("a known depth of the tree of additions tightens the bound")
  func depth() throws {
    let x = try ArrayView([Double](repeating: 1, count: 768), shape: [1, 768])
    let stage = Stage("sum", Linear())
    var workspace = Workspace()
    let oracle = try stage.evaluate([x, x], &workspace)
    var shallow = Rounding.float32
    shallow.depth = 9
    let bounds = try [Rounding.float32, shallow].map { try stage.bound([x, x], output: oracle, $0)[0] }
    #expect(bounds[1] / bounds[0] < 0.0131)
    #expect(bounds[1] / bounds[0] > 0.0129)
  }

  private static let program = """
    random = np.random.default_rng(20240607)
    count = 0

    def array(*shape, power=None):
        scale = 10.0 ** (random.uniform(-20, 15) if power is None else power)
        return torch.tensor(random.standard_normal(shape) * scale)

    def run(name, function, *operands):
        global count
        for kind in (torch.float32, torch.float64):
            given = [operand.to(kind) for operand in operands]
            for index, operand in enumerate(given):
                emit(f"{count}/{name}/{index}", operand)
            emit(f"{count}/{name}/result", function(*given))
            count += 1

    def between(low, high):
        return int(random.integers(low, high + 1))

    F = torch.nn.functional
    for _ in range(40):
        b, n, d, h = between(1, 4), between(1, 12), between(1, 784), between(1, 24)
        run("linear", F.linear, array(b, n, d), array(h, d), array(h))
        run("linear_without_bias", F.linear, array(n, d), array(h, d))
        n, inner = between(1, 197), between(1, 6)
        run("softmax_0", lambda s: torch.softmax(s, 0), array(n, inner))
        run("softmax_1", lambda s: torch.softmax(s, 1), array(b, n, 1, power=random.uniform(-3, 4)))
        run("softmax_2", lambda s: torch.softmax(s, 2), array(b, inner, n))
        weights = torch.softmax(array(b, n, 1, power=random.uniform(-2, 2)), 1)
        run("weighted_sum", lambda w, v: torch.bmm(w.transpose(1, 2), v).squeeze(1), weights, array(b, n, h))
        run("attention_pooling",
            lambda x, q: torch.bmm(torch.softmax(x @ q.T, 1).transpose(1, 2), x).squeeze(1),
            array(b, n, d, power=random.uniform(-3, 1)), array(1, d, power=random.uniform(-3, 1)))
        run("product", torch.bmm, array(b, inner, n), array(b, n, h))
        n, d = between(1, 20), between(1, 784)
        run("product_transposed", lambda q, k: torch.bmm(q, k.transpose(1, 2)), array(b, n, d), array(b, h, d))
        run("product_scaled", lambda q, k: torch.bmm(q, k.transpose(1, 2)) / d**0.5, array(b, n, d), array(b, h, d))
        root = d**-0.5
        root = root**0.5
        run("product_prescaled", lambda q, k: torch.bmm(q * root, (k * root).transpose(1, 2)),
            array(b, n, d), array(b, h, d))
        heads = between(1, 5)
        run("product_of_heads", lambda q, k: torch.matmul(q * d**-0.5, k.mT), array(b, heads, n, d), array(b, heads, h, d))
        run("linear_part", lambda x, w, c: F.linear(x, w.chunk(3)[1], c.chunk(3)[1]),
            array(n, d), array(3 * h, d), array(3 * h))
        run("linear_part_of_bias", lambda x, w, c: F.linear(x, w, c.chunk(3)[2]), array(n, d), array(h, d), array(3 * h))
        run("add", torch.add, array(n, d), array(n, d))
        run("relu", torch.relu, array(n, d))
        run("gelu", F.gelu, array(n, d, power=random.uniform(-3, 2)))
        run("layer_norm", lambda x, w, c: F.layer_norm(x, x.shape[-1:], w, c), array(b, n, d + 2), array(d + 2),
            array(d + 2))
        run("layer_norm_shifted", lambda x, w, c: F.layer_norm(x, x.shape[-1:], w, c),
            array(n, d + 2, power=0) + random.uniform(-300, 300), array(d + 2, power=0), array(d + 2, power=0))
        ignored = torch.tensor(random.random((b, n)) < 0.4).double()
        ignored[:, between(0, n - 1)] = 0
        fill = lambda s, m: s.masked_fill(m.bool(), -np.inf)
        run("masked_softmax_1", lambda s, m: torch.softmax(fill(s, m[:, :, None]), 1),
            array(b, n, 1, power=random.uniform(-3, 4)), ignored)
        run("masked_softmax_3", lambda s, m: torch.softmax(fill(s, m[:, None, None]), 3),
            array(b, heads, h, n, power=random.uniform(-3, 4)), ignored)
        size = between(1, 9)
        run("split_heads", lambda x: x.unflatten(2, (3, size)).transpose(1, 2), array(b, n, 3 * size))
        run("merge_heads", lambda x: x.transpose(1, 2).flatten(2), array(b, heads, n, size))
        run("mean_over_heads", lambda x: x.mean(1), array(b, heads, n, h))
    """
}
