import Foundation
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Every operator, computed in every order and way that the model of arithmetic allows, on random operands of all sizes
/// and scales: nothing passes its bound, in float32 or in float64.
@Suite("no order of roundings passes the bound")
struct AnyOrderTests {
  @Test("sums of products", arguments: Summation.all)
  func products(summation: Summation) throws {
    try Self.products(summation, Float.self)
    try Self.products(summation, Double.self)
  }

  @Test("softmax, whatever the error of the exponential", arguments: Summation.all)
  func softmax(summation: Summation) throws {
    try Self.softmax(summation, Float.self)
    try Self.softmax(summation, Double.self)
  }

  @Test("layer norm, whatever the way of taking moments", arguments: Summation.all)
  func layerNorm(summation: Summation) throws {
    try Self.layerNorm(summation, Float.self)
    try Self.layerNorm(summation, Double.self)
  }

  @Test("GELU, whatever the error of erf")
  func gelu() throws {
    try Self.gelu(Float.self)
    try Self.gelu(Double.self)
  }

  @Test("sums whose products and partial sums are flushed to 0 when they are subnormal", arguments: Summation.all)
  func flushed(summation: Summation) throws {
    var (summation, random) = (summation, SeededRandom(19))
    summation.flushes = true
    var rounding = Rounding.float32
    rounding.leastNonzero = rounding.leastNormal
    var beyondGradual = 0
    for _ in 0..<100 {
      let terms = Self.size(&random)
      // Products about the least normal number, 1.2e-38.
      let (left, right): ([Float], [Float]) = (
        Self.array(terms, power: -20...(-18), &random), Self.array(terms, power: -20...(-18), &random)
      )
      guard (left + right).allSatisfy({ $0.isZero || $0.isNormal }) else { continue }
      let sum = summation.sum(left, right, &random)
      let operands = [(left, [1, terms]), (right, [1, terms])]
      try Self.check(Linear(), operands, [sum], [1, 1], rounding)
      if try Self.share(Linear(), operands, [sum], [1, 1], .float32) > 1 { beyondGradual += 1 }
    }
    // Gradual underflow alone does not explain it.
    #expect(beyondGradual > 20)
  }

  // MARK: -

  private static func size(_ random: inout SeededRandom, _ most: Double = 400) -> Int {
    Int(exp(Double.random(in: 0..<log(most), using: &random)))
  }

  /// Normal numbers of one scale, of which some trials have most at another.
  private static func array<Scalar: SimulatedScalar>(
    _ count: Int, power: ClosedRange<Double> = -20...15, _ random: inout SeededRandom
  ) -> [Scalar] {
    let scale = pow(10, Double.random(in: power, using: &random))
    let spread = Bool.random(using: &random) ? 0.0 : 6
    return (0..<count).map { _ in
      Scalar(random.normal() * scale * pow(10, -spread * Double.random(in: 0...1, using: &random)))
    }
  }

  private static func share<Scalar: SimulatedScalar>(
    _ operation: any Operator, _ operands: [([Scalar], [Int])], _ result: [Scalar], _ shape: [Int], _ rounding: Rounding
  ) throws -> Double {
    try Trial(
      name: "any", operation: operation, operands: operands.map { try Scalar.tensor($0.0, Shape($0.1)) },
      result: Scalar.tensor(result, Shape(shape))
    ).utilisation(rounding)
  }

  private static func check<Scalar: SimulatedScalar>(
    _ operation: any Operator, _ operands: [([Scalar], [Int])], _ result: [Scalar], _ shape: [Int],
    _ rounding: Rounding = Scalar.rounding
  ) throws {
    let share = try share(operation, operands, result, shape, rounding)
    #expect(share <= 1, "\(operation) \(operands.map(\.1))")
  }

  private static func products<Scalar: SimulatedScalar>(_ summation: Summation, _: Scalar.Type) throws {
    var random = SeededRandom(7)
    for _ in 0..<60 {
      let terms = size(&random)
      let (left, right): ([Scalar], [Scalar]) = (array(terms, &random), array(terms, &random))
      let bias: [Scalar] = array(1, &random)
      let sum = summation.sum(left, right, &random)
      try check(Linear(), [(left, [1, terms]), (right, [1, terms])], [sum], [1, 1])
      try check(WeightedSum(), [(left, [1, terms, 1]), (right, [1, terms, 1])], [sum], [1, 1])
      try check(BatchedProduct(), [(left, [1, 1, terms]), (right, [1, terms, 1])], [sum], [1, 1, 1])
      let biased = summation.sum(left, right, bias: bias[0], &random)
      try check(Linear(), [(left, [1, terms]), (right, [1, terms]), (bias, [1])], [biased], [1, 1])

      let root = Scalar(terms).squareRoot()
      let operands = [(left, [1, 1, terms]), (right, [1, terms, 1])]
      let scaled = BatchedProduct(scale: .inverseRootOfTerms)
      try check(scaled, operands, [sum / root], [1, 1, 1])
      let onLeft = summation.sum(left.map { $0 * (1 / root) }, right, &random)
      try check(scaled, operands, [onLeft], [1, 1, 1])
      let half = (1 / root).squareRoot()
      let onBoth = summation.sum(left.map { $0 * half }, right.map { $0 * half }, &random)
      try check(scaled, operands, [onBoth], [1, 1, 1])

      let heads = summation.sum(left, &random)
      try check(MeanOverHeads(), [(left, [1, terms, 1, 1])], [heads / Scalar(terms)], [1, 1, 1])
      try check(MeanOverHeads(), [(left, [1, terms, 1, 1])], [heads * (1 / Scalar(terms))], [1, 1, 1])
      try check(Add(), [(left, [terms]), (right, [terms])], zip(left, right).map { $0 + $1 }, [terms])
    }
  }

  private static func softmax<Scalar: SimulatedScalar>(_ summation: Summation, _: Scalar.Type) throws {
    var random = SeededRandom(11)
    for trial in 0..<60 {
      let positions = size(&random)
      let scores: [Scalar] = array(positions, power: -3...4, &random)
      let directions = (0..<positions).map { _ in
        trial % 3 == 0 ? Double.random(in: -1...1, using: &random) : Bool.random(using: &random) ? 1 : -1
      }
      var rounding = Scalar.rounding
      rounding.expUlps = trial % 2 == 0 ? 1 : 20
      var simulation = Simulation<Scalar>(summation: summation, random: random, rounding: rounding)
      let shares = simulation.softmax(scores, directions: directions, byReciprocal: Bool.random(using: &random))
      try check(Softmax(axis: 0), [(scores, [positions])], shares, [positions], rounding)
      // The same among positions that are ignored, which get 0.
      let wide = scores.flatMap { [$0, .infinity] }
      let mask = scores.flatMap { _ in [0, 1] as [Scalar] }
      try check(
        MaskedSoftmax(axis: 1), [(wide, [1, 2 * positions]), (mask, [1, 2 * positions])], shares.flatMap { [$0, 0] },
        [1, 2 * positions], rounding)
    }
  }

  private static func layerNorm<Scalar: SimulatedScalar>(_ summation: Summation, _: Scalar.Type) throws {
    var random = SeededRandom(13)
    var bounded = 0
    for _ in 0..<60 {
      let features = size(&random) + 1
      let shift = Scalar([0, 1, 30][Int.random(in: 0...2, using: &random)])
      let scale = Scalar(pow(10, Double.random(in: -6...6, using: &random)))
      let values: [Scalar] = array(features, power: 0...0, &random)
      let x = values.map { ($0 + shift) * scale }
      let (weight, bias): ([Scalar], [Scalar]) = (
        array(features, power: -3...3, &random), array(features, power: -3...3, &random)
      )
      var simulation = Simulation<Scalar>(summation: summation, random: random)
      for way in Simulation<Scalar>.Moments.allCases {
        let result = simulation.layerNorm(x, weight, bias, eps: 1e-5, way, apart: Bool.random(using: &random))
        let operands = [(x, [1, features]), (weight, [features]), (bias, [features])]
        guard try isBounded(LayerNorm(eps: 1e-5), operands) else { continue }
        bounded += 1
        try check(LayerNorm(eps: 1e-5), operands, result, [1, features])
      }
    }
    #expect(bounded > 100)
  }

  /// Whether the row's variance is more than rounding can make of it, so that a bound exists.
  private static func isBounded<Scalar: SimulatedScalar>(
    _ operation: any Operator, _ operands: [([Scalar], [Int])]
  ) throws -> Bool {
    let views = try operands.map { try ArrayView($0.0.map { Double($0) }, shape: Shape($0.1)) }
    let stage = Stage("norm", operation)
    var workspace = Workspace()
    return try stage.bound(views, output: stage.evaluate(views, &workspace), Scalar.rounding).values
      .allSatisfy(\.isFinite)
  }

  private static func gelu<Scalar: SimulatedScalar>(_: Scalar.Type) throws {
    var random = SeededRandom(17)
    let simulation = Simulation<Scalar>(summation: Summation(order: .forwards), random: random)
    for _ in 0..<200 {
      let x: [Scalar] = array(50, power: -20...2, &random)
      let result = x.map { simulation.gelu($0, direction: Double.random(in: -1...1, using: &random)) }
      try check(GELU(), [(x, [50])], result, [50])
    }
  }
}
