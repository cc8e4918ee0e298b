import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("softmax")
struct SoftmaxTests {
  @Test(
    "scores that are far apart give neither NaN nor an infinite bound",
    arguments: [
      [0, -1e30, -3e38], [3e38, -3e38, 0], [0, -87.5, -104, -150], [1e15, 1e15, -1e15], [0, -1.7e7, -3.4e7, -5e8],
      [5], [-.infinity, 0, 1],
    ] as [[Float]])
  func hugeDistances(scores: [Float]) throws {
    let (shares, oracle, bound) = try Self.run(scores)
    #expect(abs(oracle.reduce(0, +) - 1) < 1e-12)
    for (index, share) in shares.enumerated() {
      #expect(bound[index].isFinite)
      #expect(abs(Double(share) - oracle[index]) <= bound[index])
    }
  }

  @Test("PyTorch stays within the bound for scores that are far apart")
  func torchHugeDistances() throws {
    let state = try pythonTensors(
      """
      for index, scores in enumerate([
          [0, -1e30, -3e38], [3e38, -3e38, 0], [0, -87.5, -104, -150], [0, -1.7e7, -3.4e7, -5e8],
          list(-np.linspace(80, 110, 197)) + [0.0]]):
          for axis, shape in ((2, (1, 1, -1)), (1, (1, -1, 1))):
              for kind in (torch.float32, torch.float64):
                  given = torch.tensor(scores, dtype=torch.float64).to(kind).reshape(shape)
                  emit(f"{index}{kind}/softmax_{axis}/0", given)
                  emit(f"{index}{kind}/softmax_{axis}/result", torch.softmax(given, axis))
      """)
    let trials = try Trial.all(in: state)
    #expect(trials.count == 20)
    for trial in trials { #expect(try trial.utilisation() <= 1, "\(trial.name)") }
  }

  @Test(
    "a NaN or +inf among the scores reaches every result of its slice",
    arguments: [[1, .nan, 2], [.infinity, 0, 1], [-.infinity, -.infinity, -.infinity]] as [[Float]])
  func notFinite(scores: [Float]) throws {
    let (shares, oracle, bound) = try Self.run(scores)
    #expect(shares.allSatisfy { $0.isNaN })
    #expect(oracle.allSatisfy { $0.isNaN })
    #expect(!bound.contains { $0.isFinite })
  }

  @Test("the bound shrinks with the unit roundoff")
  func float64Bound() throws {
    let scores = try ArrayView([0, 0.5, -2.25], shape: [1, 3, 1])
    let stage = Stage("softmax", Softmax(axis: 1))
    var workspace = Workspace()
    let oracle = try stage.evaluate([scores], &workspace)
    let wide = try stage.bound([scores], output: oracle, .float32)
    let narrow = try stage.bound([scores], output: oracle, .float64)
    for index in 0..<3 {
      #expect(narrow[index] > 0)
      // The float64 bound holds the errors of two sides.
      #expect(abs(wide[index] / narrow[index] / 0x1p28 - 1) < 1e-6)
    }
  }

  private static func run(_ scores: [Float]) throws -> (shares: [Float], oracle: [Double], bound: [Double]) {
    let stage = Stage("softmax", Softmax(axis: 1))
    let view = try ArrayView(scores, shape: Shape([1, scores.count, 1]))
    let wide = try view.widened()
    var workspace = Workspace()
    let shares: ArrayView<Float> = try stage.evaluate([view], &workspace)
    let oracle: ArrayView<Double> = try stage.evaluate([wide], &workspace)
    return (shares.values, oracle.values, try stage.bound([wide], output: oracle, .float32).values)
  }
}
