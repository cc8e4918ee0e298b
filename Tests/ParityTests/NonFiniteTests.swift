import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Scores of -inf, masks, rows without a position, and squares that overflow, as PyTorch computes them in this run.
@Suite("numbers that are not finite")
struct NonFiniteTests {
  static let recorded = Result {
    try pythonTensors(
      """
      torch.manual_seed(19)
      F = torch.nn.functional

      def stage(name, function, *operands):
          for index, operand in enumerate(operands):
              emit(f"{name}/{index}", operand)
          emit(f"{name}/f32", function(*operands))
          emit(f"{name}/f64", function(*[operand.double() for operand in operands]))

      scores = torch.randn(3, 5) * 4
      softmax = lambda s: torch.softmax(s, 1)
      masked = lambda s, m: torch.softmax(s.masked_fill(m.bool(), -np.inf), 1)
      mask = torch.tensor([[0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 1]]).float()
      stage("mask", masked, scores, mask)
      stage("infinite", softmax, scores.masked_fill(mask.bool(), -np.inf))
      mask[1] = 1
      stage("nothing left", masked, scores, mask)
      stage("all infinite", softmax, scores.masked_fill(mask.bool(), -np.inf))
      stage("upwards", softmax, scores.masked_fill(mask.bool(), np.inf))
      norm = lambda x, w, b: F.layer_norm(x, (5,), w, b)
      x = torch.randn(3, 5)
      x[1] *= 1e19
      stage("squares", norm, x, torch.rand(5), torch.rand(5))
      """)
  }

  private static func verify(_ name: String, _ operation: any Operator) throws -> ParityReport {
    let state = try recorded.get()
    var bundle = StateDict()
    bundle.metadata = [
      .init("format", "tensorferry.reference/1"), .init("model", .string(OneStage.id)), .init("manifest", "{}"),
    ]
    let operands = state.filter { $0.name.hasPrefix(name + "/") && !$0.name.contains("/f") }
    for (index, element) in operands.enumerated() {
      try bundle.append("cases.0000.inputs.\(index)", element.tensor)
    }
    for kind in ["f32", "f64"] { try bundle.append("cases.0000.stages.result.\(kind)", state["\(name)/\(kind)"]!) }
    return try ReferenceBundle(bundle).verify(OneStage(operation, try operands.map { try $0.tensor.read().shape }))
  }

  @Test("what a mask ignores has a weight of exactly 0 on both sides, and a bound of 0 that holds")
  func masked() throws {
    let report = try Self.verify("mask", MaskedSoftmax(axis: 1))
    #expect(report.verdict <= .typical, "\(report.text)")
    #expect(report.stages[0].certificates.allSatisfy { $0.compared == 15 && $0.nonfinite == 0 })
    // A row with one position left: its weight is 1.
    #expect(try Self.recorded.get()["mask/f32"]!.read().floats()[10...] == [0, 0, 0, 1, 0])
  }

  @Test("scores of -inf get exactly 0 on both sides, and bounds that are finite")
  func infinite() throws {
    let report = try Self.verify("infinite", Softmax(axis: 1))
    #expect(report.verdict <= .typical, "\(report.text)")
    #expect(report.stages[0].certificates.allSatisfy { $0.utilisation < 1 && ($0.scores.max ?? .nan) < 7 })
  }

  @Test(
    "a row without any position is NaN on both sides, and a NaN equals nothing",
    arguments: ["nothing left", "all infinite", "upwards"])
  func nothingLeft(name: String) throws {
    let operation: any Operator = name == "nothing left" ? MaskedSoftmax(axis: 1) : Softmax(axis: 1)
    let report = try Self.verify(name, operation)
    #expect(report.verdict == .inconclusive)
    #expect(report.stages[0].certificates.allSatisfy { $0.nonfinite >= 5 && !$0.isRefuted })
    #expect(report.ledger.first { $0.id == "A4" }?.status == .violated)
  }

  @Test("squares that overflow in a layer norm refute nothing, though the result is a number")
  func squares() throws {
    let report = try Self.verify("squares", LayerNorm(eps: 1e-5))
    let reference = report.stages[0].certificates[1]
    #expect(reference.nonfinite == 0 && reference.largestDifference > 0.1)
    #expect(report.verdict == .inconclusive, "\(report.text)")
    #expect(report.stages[0].remarks.contains { $0.hasPrefix("no finite bound exists for some values") })
    #expect(report.ledger.first { $0.id == "A4" }?.status == .assumed)
  }
}

/// A model of one stage over inputs.
private struct OneStage: Model {
  struct Configuration: ModelConfiguration {
    init() {}
    init(json: JSONValue) throws {}
    var json: JSONValue { .object([]) }
  }

  static let id = "OneStage/1"
  let configuration = Configuration()
  let graph: StageGraph
  let parameters: [String: ArrayView<Float>] = [:]

  init(configuration: Configuration, parameters: [String: Tensor]) throws {
    graph = try Self.graph(for: configuration)
  }

  init(_ operation: any Operator, _ shapes: [Shape]) throws {
    graph = try StageGraph(
      inputs: shapes.enumerated().map { index, shape in
        InputSpec("\(index)", shape.dimensions.indices.map { "\(index).\($0)" })
      }, parameters: [],
      stages: [Stage("result", operation, shapes.indices.map { .input("\($0)") })], output: "result")
  }

  static func graph(for configuration: Configuration) throws -> StageGraph {
    try OneStage(ReLU(), [[1]]).graph
  }
}
