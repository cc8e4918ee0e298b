import CTensorFerryKernels
import TensorFerryOperators
import TensorFerryTensors
import Testing

/// The loop in C against the operator's own pass in Double.
@Suite("attention in one pass")
struct AttentionPoolingTests {
  @Test(
    "every rest of features and positions, from memory that is aligned to no more than a number",
    arguments: 1...35)
  func rests(features: Int) throws {
    var random = SystemRandomNumberGenerator()
    for positions in 1...11 {
      var memory = (0...positions * features).map { _ in Float.random(in: -2...2, using: &random) }
      let query = (0..<features).map { _ in Float.random(in: -1...1, using: &random) }
      // One number further, the address is no multiple of 8.
      let x = Array(memory[1...])
      var result = [Float](repeating: .nan, count: features + 1)
      memory.withUnsafeMutableBufferPointer { memory in
        result.withUnsafeMutableBufferPointer { result in
          tensorferry_attention_pooling(
            memory.baseAddress! + 1, query, positions, features, result.baseAddress! + 1)
        }
      }
      let operands = try [
        ArrayView(x.map(Double.init), shape: Shape([1, positions, features])),
        ArrayView(query.map(Double.init), shape: Shape([1, features])),
      ]
      var workspace = Workspace()
      let stage = Stage("pooling", AttentionPooling())
      let oracle = try stage.evaluate(operands, &workspace)
      let bound = try stage.bound(operands, output: oracle, .float32)
      #expect(result[0].isNaN, "what is beside the result is left alone")
      for k in 0..<features {
        #expect(abs(Double(result[k + 1]) - oracle[k]) <= bound[k], "\(positions) positions, feature \(k)")
        #expect(bound[k] < 1e-3)
      }
    }
  }

  @Test("scores that rise by 100 at each position leave the last one")
  func rising() throws {
    let x = (0..<9).flatMap { [Float($0) * 100, Float($0) + 0.5, -Float($0)] }
    #expect(try Self.pooled(x, [9, 3], query: [1, 0, 0]) == [800, 8.5, -8])
    let falling = try Self.pooled(x, [9, 3], query: [-1, 0, 0])
    // e to the power of -100 is no more than 4e-44.
    #expect(zip(falling, [0, 0.5, 0]).allSatisfy { abs($0 - $1) < 1e-30 })
  }

  @Test("a score of -inf has no weight, wherever it stands; NaN and +inf make the sample NaN")
  func notFinite() throws {
    // The query takes 3e38 of the first feature twice; the other features stay finite.
    func x(_ scores: [Float]) -> [Float] { scores.flatMap { [$0, $0 == 0 ? 7 : 1] } }
    let low = -3e38 as Float
    for place in 0..<6 {
      var scores = [low, low, low, low, low, low]
      scores[place] = 0
      #expect(try Self.pooled(x(scores), [6, 2], query: [2, 0])[1] == 7)
      scores[place] = .nan
      #expect(try Self.pooled(x(scores), [6, 2], query: [2, 0]).allSatisfy(\.isNaN))
      scores[place] = 3e38
      #expect(try Self.pooled(x(scores), [6, 2], query: [2, 0]).allSatisfy(\.isNaN))
    }
    #expect(try Self.pooled(x([low, low]), [2, 2], query: [2, 0]).allSatisfy(\.isNaN))
  }

  @Test("any number of threads gives the same bits")
  func threads() throws {
    var random = SystemRandomNumberGenerator()
    let (batch, positions, features) = (13, 50, 67)
    let x = try ArrayView(
      (0..<batch * positions * features).map { _ in Float.random(in: -1...1, using: &random) },
      shape: Shape([batch, positions, features]))
    let query = try ArrayView(
      (0..<features).map { _ in Float.random(in: -1...1, using: &random) }, shape: Shape([1, features]))
    let results = try (1...5).map { threads in
      var workspace = Workspace(threads: threads)
      return try Stage("pooling", AttentionPooling()).evaluate([x, query], &workspace).values
    }
    #expect(Set(results).count == 1)
  }

  private static func pooled(_ x: [Float], _ size: [Int], query: [Float]) throws -> [Float] {
    var workspace = Workspace()
    return try Stage("pooling", AttentionPooling()).evaluate(
      [ArrayView(x, shape: Shape([1] + size)), ArrayView(query, shape: Shape([1, query.count]))], &workspace
    ).values
  }
}
