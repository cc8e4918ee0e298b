import Foundation
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Inputs and orders of summation that lead to errors as large as the bounds say; `docs/explanation/parity.md` lists the
/// shares.
@Suite("bounds are attained")
struct SharpBoundTests {
  private static let unit: Float = 0x1p-24

  /// The factors of `count` terms, summed from left to right: a product that is rounded down by nearly `u`, then terms
  /// of exactly half a unit in the last place of it, which round to even and are lost.
  private static func losing(_ count: Int) -> (left: [Float], right: [Float]) {
    var (left, right) = ([Float](repeating: 1, count: count), [Float](repeating: unit, count: count))
    (left[0], right[0]) = (1 + 0x1p-12, 1 + 0x1p-12)
    return (left, right)
  }

  private static func leftToRight(_ left: [Float], _ right: [Float], bias: Float? = nil) -> Float {
    var random = SeededRandom(1)
    return Summation(order: .forwards).sum(left, right, bias: bias, &random)
  }

  private static func share(
    _ operation: any Operator, _ operands: [([Float], Shape)], _ result: [Float], _ shape: Shape,
    _ rounding: Rounding = .float32
  ) throws -> Double {
    try Trial(
      name: "sharp", operation: operation, operands: operands.map { try Tensor($0.0, shape: $0.1) },
      result: Tensor(result, shape: shape)
    ).utilisation(rounding)
  }

  @Test("a linear layer, with and without a bias", arguments: [1, 2, 7, 64, 768, 65_536], [true, false])
  func linear(terms: Int, hasBias: Bool) throws {
    let (x, weight) = Self.losing(terms)
    let bias = hasBias ? Self.unit : nil
    let operands = [(x, try Shape([1, terms])), (weight, try Shape([1, terms]))] + (bias.map { [([$0], [1])] } ?? [])
    let share = try Self.share(Linear(), operands, [Self.leftToRight(x, weight, bias: bias)], [1, 1])
    #expect(share <= 1 && share > 0.99)
  }

  @Test("a linear layer whose tree of additions is known", arguments: [1, 4, 11])
  func depth(depth: Int) throws {
    // Halves of halves: what joins the first term at each level adds up to half a unit in its last place.
    let count = 1 << depth
    var (x, weight) = ([Float](repeating: 1, count: count), [Float](repeating: 0, count: count))
    (x[0], weight[0]) = (1 + 0x1p-12, 1 + 0x1p-12)
    for i in 1..<count {
      let level = Int.bitWidth - 1 - i.leadingZeroBitCount
      weight[i] = Self.unit / Float(1 << level)
    }
    var random = SeededRandom(1)
    let sum = Summation(order: .pairs).sum(x, weight, &random)
    var rounding = Rounding.float32
    rounding.depth = depth
    let operands = [(x, try Shape([1, count])), (weight, try Shape([1, count]))]
    let share = try Self.share(Linear(), operands, [sum], [1, 1], rounding)
    #expect(share <= 1 && share > 0.99)
  }

  @Test("a weighted sum and a batched product", arguments: [1, 3, 49, 4096])
  func products(terms: Int) throws {
    let (weights, values) = Self.losing(terms)
    let sum = Self.leftToRight(weights, values)
    let weighted = try Self.share(
      WeightedSum(), [(weights, Shape([1, terms, 1])), (values, Shape([1, terms, 1]))], [sum], [1, 1])
    let product = try Self.share(
      BatchedProduct(), [(weights, Shape([1, 1, terms])), (values, Shape([1, terms, 1]))], [sum], [1, 1, 1])
    for share in [weighted, product] { #expect(share <= 1 && share > 0.99) }
  }

  @Test("a scaled product, but for the six roundings of the scale", arguments: [256, 4096, 16_384])
  func scaledProduct(terms: Int) throws {
    let (left, right) = Self.losing(terms)
    // The root is a power of two here, so that the scale is exact.
    let sum = Self.leftToRight(left, right) / Float(terms).squareRoot()
    let share = try Self.share(
      BatchedProduct(scale: .inverseRootOfTerms), [(left, Shape([1, 1, terms])), (right, Shape([1, terms, 1]))], [sum],
      [1, 1, 1])
    #expect(share <= 1 && share > 0.99 * Double(terms) / Double(terms + 6))
  }

  @Test("a mean over heads, but for the roundings of the division", arguments: [64, 257])
  func meanOverHeads(heads: Int) throws {
    var x = [Float](repeating: Self.unit, count: heads)
    x[0] = 1
    let mean = x.reduce(0, +) / Float(heads)
    let share = try Self.share(MeanOverHeads(), [(x, Shape([1, heads, 1, 1]))], [mean], [1, 1, 1])
    #expect(share <= 1 && share > 0.95)
  }

  @Test("a sum of two")
  func add() throws {
    let share = try Self.share(Add(), [([1], [1]), ([Self.unit], [1])], [1 + Self.unit], [1])
    #expect(share <= 1 && share > 0.99)
  }

  // MARK: - Softmax

  private static func softmax(
    _ scores: [Float], directions: [Double], _ rounding: Rounding, at index: Int
  ) throws -> Double {
    var best = 0.0
    for byReciprocal in [false, true] {
      var simulation = Simulation<Float>(
        summation: Summation(order: .forwards), random: SeededRandom(1), rounding: rounding)
      let shares = simulation.softmax(scores, directions: directions, byReciprocal: byReciprocal)
      let operands = try [ArrayView(scores.map(Double.init), shape: Shape([scores.count]))]
      let stage = Stage("softmax", Softmax(axis: 0))
      var workspace = Workspace()
      let oracle = try stage.evaluate(operands, &workspace)
      let bound = try stage.bound(operands, output: oracle, rounding)
      for i in scores.indices { #expect(abs(Double(shares[i]) - oracle[i]) <= bound[i]) }
      best = max(best, abs(Double(shares[index]) - oracle[index]) / bound[index])
    }
    return best
  }

  @Test("a softmax over many positions: the sum", arguments: [1024, 4096])
  func softmaxOfMany(positions: Int) throws {
    // Each exponential after the first is at most half a unit in the last place of the sum, and is lost.
    let low = log(0x1p-24).nextDown
    var scores = [Float](repeating: Float(low), count: positions)
    if exp(Double(scores[0])) > 0x1p-24 { scores = scores.map { $0.nextDown } }
    scores[0] = 0
    let directions = scores.indices.map { $0 == 1 ? 1.0 : 0 }
    // The second may be too large to be lost itself.
    let share = try Self.softmax(scores, directions: directions, .float32, at: 1)
    #expect(share <= 1 && share > 0.95)
  }

  @Test("a softmax over scores that are far apart: the differences")
  func softmaxOfDistant() throws {
    // The difference is half way between two numbers, and rounds towards 0 by nearly u times itself.
    var best = 0.0
    for step in 0..<32 {
      let far = -(64 + Float(step) * 0x1p-6)
      let scores = [far, 0x1p-18]
      guard abs(far - scores[1]) == -far else { continue }
      best = max(best, try Self.softmax(scores, directions: [1, -1], .float32, at: 0))
    }
    #expect(best <= 1 && best > 0.95)
  }

  @Test("a softmax with a coarse exponential: its error")
  func softmaxOfCoarse() throws {
    var rounding = Rounding.float32
    rounding.expUlps = 64
    var best = 0.0
    for step in 0..<64 {
      let scores = [-(8 + Float(step) * 0x1p-5), 0]
      best = max(best, try Self.softmax(scores, directions: [1, -1], rounding, at: 0))
    }
    #expect(best <= 1 && best > 0.95)
  }

  // MARK: - GELU and layer norm

  @Test("GELU with the error of erf that is assumed")
  func gelu() throws {
    let simulation = Simulation<Float>(summation: Summation(order: .forwards), random: SeededRandom(1))
    var best = 0.0
    for step in 1...4000 {
      let x = Float(step) * 0x1.3p-10
      for direction in [1.0, -1] {
        for value in [x, -x] {
          let share = try Self.share(GELU(), [([value], [1])], [simulation.gelu(value, direction: direction)], [1])
          #expect(share <= 1)
          best = max(best, share)
        }
      }
    }
    #expect(best > 0.95)
  }

  @Test("a layer norm, at a feature that is the mean: the error of the mean")
  func layerNormMean() throws {
    // Ones that add up to a power of two, and then features that are half a unit in its last place.
    let (count, ones) = (131_072, 4096)
    var x = [Float](repeating: Float(ones) * 0x1p-24, count: count)
    for i in 0..<ones { x[i] = 1 }
    let mean = x.reduce(0.0) { $0 + Double($1) } / Double(count)
    x[count - 1] = Float(mean)
    let weight = [Float](repeating: 1, count: count)
    let bias = [Float](repeating: 0, count: count)
    var simulation = Simulation<Float>(summation: Summation(order: .forwards), random: SeededRandom(1))
    let result = simulation.layerNorm(x, weight, bias, eps: 1e-5, .twoPasses, apart: false)
    let views = try [([x], [1, count]), ([weight], [count]), ([bias], [count])].map {
      try ArrayView($0.0[0].map(Double.init), shape: Shape($0.1))
    }
    let stage = Stage("norm", LayerNorm(eps: 1e-5))
    var workspace = Workspace()
    let oracle = try stage.evaluate(views, &workspace)
    let bound = try stage.bound(views, output: oracle, .float32)
    let share = abs(Double(result[count - 1]) - oracle[count - 1]) / bound[count - 1]
    #expect(share <= 1 && share > 0.9)
  }

  // MARK: - The oracle

  @Test("the oracle's own error attains what the bound has for it: half, in float64", arguments: [3, 64, 4096])
  func oracle(terms: Int) throws {
    // The oracle sums from left to right and loses all but the first; the side is right.
    var x = [Double](repeating: 0x1p-53, count: terms)
    x[0] = 1
    let one = [Double](repeating: 1, count: terms)
    var random = SeededRandom(1)
    let sum = Summation(order: .backwards).sum(x, one, &random)
    let share = try Trial(
      name: "oracle", operation: Linear(),
      operands: [Tensor(x, shape: Shape([1, terms])), Tensor(one, shape: Shape([1, terms]))],
      result: Tensor([sum], shape: [1, 1])
    ).utilisation()
    #expect(share <= 0.5 && share > 0.49 * Double(terms - 1) / Double(terms))
  }
}
