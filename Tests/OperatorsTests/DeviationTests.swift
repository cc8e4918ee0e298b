import Foundation
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What rounding does as a rule, against PyTorch and against this engine: differences in units of the deviation that the
/// model gives them.
@Suite("deviations of roundings")
struct DeviationTests {
  /// Sums of 1 to 4096 terms, many at a time, on the kernels that PyTorch chooses for matrices and vectors, of terms that
  /// cancel and of terms that pile up; see `Fixtures/parity/deviations.py`.
  static let sums = Result { try Trial.all(in: pythonTensors(program, [Project.fixture("parity").path])) }

  private static let program = """
    sys.path.insert(0, sys.argv[2])
    import deviations
    count = 0

    def run(name, function, *operands):
        global count
        for kind in (torch.float32, torch.float64):
            given = [operand.to(kind) for operand in operands]
            for index, operand in enumerate(given):
                emit(f"{count}/{name}/{index}", operand)
            emit(f"{count}/{name}/result", function(*given))
            count += 1

    deviations.trials(run)
    """

  /// By operator and side.
  static let scores = Result { () throws -> [String: Scores] in
    var scores: [String: Scores] = [:]
    for trial in try RoundingBoundTests.random.get() + sums.get() {
      let name = trial.name.split(separator: "/")[1]
      let kind = trial.result.dtype == .f64 ? "float64" : "float32"
      try scores["\(name) \(kind)", default: Scores()].add(trial.scores())
      if kind == "float32" { try scores["\(name) engine", default: Scores()].add(trial.scoresOfEngine()) }
    }
    if ProcessInfo.processInfo.environment["TENSORFERRY_TABLES"] != nil {
      for (name, score) in scores.sorted(by: { $0.key < $1.key }) {
        print("| \(name) | \(score.count) | \(score.rms) | \(score.largest) |")
      }
    }
    return scores
  }

  @Test("every operator is measured on both sides and in both types", arguments: Trial.operations.keys.sorted())
  func covered(name: String) throws {
    for side in ["float32", "float64", "engine"] {
      #expect(try (Self.scores.get()["\(name) \(side)"]?.count ?? 0) > 50)
    }
  }

  @Test("no difference comes near the threshold of what is unusual", arguments: Trial.operations.keys.sorted())
  func largest(name: String) throws {
    for side in ["float32", "float64", "engine"] {
      let scores = try #require(try Self.scores.get()["\(name) \(side)"])
      #expect(scores.largest < 7, "\(name) \(side)")
      #expect(scores.rms < 1.2, "\(name) \(side)")
    }
  }
}

/// Differences over their deviations.
struct Scores {
  var count = 0
  var sumOfSquares = 0.0
  var largest = 0.0
  var rms: Double { (sumOfSquares / Double(count)).squareRoot() }

  mutating func add(_ scores: [Double]) {
    for score in scores {
      count += 1
      sumOfSquares += score * score
      largest = score <= largest ? largest : score
    }
  }
}
