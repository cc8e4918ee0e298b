import TensorFerryOperators
import TensorFerryTensors
import Testing

/// What errors of operands make of a result: random ones, and those that push one element as far as they can.
@Suite("errors of operands")
struct ErrorSpreadTests {
  /// An operator with shapes of operands, and which of them may be off.
  struct Subject: Sendable, CustomTestStringConvertible {
    let name: String
    let operation: any Operator
    let shapes: [Shape]
    /// How the operands that may not be off are filled: parameters, or masks.
    var exact: Set<Int> = []
    var masks: Set<Int> = []
    /// What share of the bound the worst errors at least reach.
    let reach: Double

    var testDescription: String { name }
  }

  static let subjects: [Subject] = [
    Subject(name: "linear", operation: Linear(), shapes: [[2, 3, 7], [5, 7], [5]], exact: [1, 2], reach: 0.99),
    Subject(name: "add", operation: Add(), shapes: [[3, 5], [3, 5]], reach: 0.99),
    Subject(name: "relu", operation: ReLU(), shapes: [[4, 9]], reach: 0.99),
    Subject(name: "gelu", operation: GELU(), shapes: [[4, 9]], reach: 0.95),
    Subject(name: "product", operation: BatchedProduct(), shapes: [[2, 3, 4], [2, 4, 5]], reach: 0.99),
    Subject(
      name: "product_scaled", operation: BatchedProduct(transposeRight: true, scale: .inverseRootOfTerms),
      shapes: [[2, 3, 5, 7], [2, 3, 4, 7]], reach: 0.99),
    Subject(name: "weighted_sum", operation: WeightedSum(), shapes: [[2, 6, 1], [2, 6, 4]], reach: 0.99),
    Subject(name: "softmax", operation: Softmax(axis: 1), shapes: [[2, 6, 1]], reach: 0.7),
    Subject(
      name: "masked_softmax", operation: MaskedSoftmax(axis: 3), shapes: [[2, 3, 4, 6], [2, 6]], exact: [1],
      masks: [1], reach: 0.7),
    Subject(
      name: "layer_norm", operation: LayerNorm(eps: 1e-5), shapes: [[3, 8], [8], [8]], exact: [1, 2], reach: 0.5),
    Subject(name: "split_heads", operation: SplitHeads(heads: 3), shapes: [[2, 4, 6]], reach: 0.99),
    Subject(name: "merge_heads", operation: MergeHeads(), shapes: [[2, 3, 4, 2]], reach: 0.99),
    Subject(name: "mean_over_heads", operation: MeanOverHeads(), shapes: [[2, 3, 4, 5]], reach: 0.99),
  ]

  /// Operands that are float32 numbers, widened; the first sample of a mask leaves all but the last position.
  private static func operands(_ subject: Subject, _ random: inout Xorshift) throws -> [ArrayView<Double>] {
    try subject.shapes.enumerated().map { index, shape in
      let values = (0..<shape.elementCount).map { offset in
        subject.masks.contains(index)
          ? (offset % shape[1] == shape[1] - 1 ? 1 : 0) : Double(Float(Double.random(in: -2...2, using: &random)))
      }
      return try ArrayView(values, shape: shape)
    }
  }

  private static func evaluate<Scalar: StageScalar>(
    _ subject: Subject, _ operands: [ArrayView<Scalar>]
  ) throws -> ArrayView<Scalar> {
    var workspace = Workspace()
    return try Stage(subject.name, subject.operation).evaluate(operands, &workspace)
  }

  private static func bound(
    _ subject: Subject, _ operands: [ArrayView<Double>], _ errors: [[Double]?], _ rounding: Rounding
  ) throws -> [Double] {
    let oracle = try evaluate(subject, operands)
    let views = try zip(errors, operands).map { errors, operand in
      try errors.map { try ArrayView($0, shape: operand.shape) }
    }
    return try withExtendedLifetime((operands, views)) {
      try #require(try subject.operation.boundOfAll(operands, errors: views, output: oracle, rounding)).values
    }
  }

  @Test("random operands within their errors never pass the bound, rounding in float32 included", arguments: subjects)
  func random(subject: Subject) throws {
    var random = Xorshift(state: 77)
    for trial in 0..<300 {
      let operands = try Self.operands(subject, &random)
      let scale = Double(sign: .plus, exponent: -3 - trial % 25, significand: 1)
      var errors: [[Double]?] = []
      var moved: [ArrayView<Float>] = []
      for (index, operand) in operands.enumerated() {
        let exact = subject.exact.contains(index)
        let values = operand.values.map { exact ? Float($0) : Float($0 + scale * .random(in: -1...1, using: &random)) }
        moved.append(try ArrayView(values, shape: operand.shape))
        // Just as far as the value has moved, or not at all, or further.
        let slack = Double(trial % 3) * scale / 4
        errors.append(exact ? nil : zip(values, operand.values).map { abs(Double($0) - $1) + slack })
      }
      let (oracle, ours) = (try Self.evaluate(subject, operands).values, try Self.evaluate(subject, moved).values)
      let bound = try Self.bound(subject, operands, errors, .float32)
      for index in oracle.indices {
        #expect(abs(Double(ours[index]) - oracle[index]) <= bound[index], "\(subject.name), trial \(trial)")
      }
    }
  }

  @Test(
    "the errors that push one element furthest reach a good part of the bound, and do not pass it", arguments: subjects)
  func adversarial(subject: Subject) throws {
    var random = Xorshift(state: 78)
    var highest = 0.0
    for _ in 0..<40 {
      let operands = try Self.operands(subject, &random)
      let size = 0x1p-20
      let errors = operands.enumerated().map { index, operand in
        subject.exact.contains(index) ? nil : [Double](repeating: size, count: operand.count)
      }
      let oracle = try Self.evaluate(subject, operands).values
      let bound = try Self.bound(subject, operands, errors, .float64)
      let target = Int.random(in: 0..<oracle.count, using: &random)
      var pushed: [ArrayView<Double>] = []
      for (index, operand) in operands.enumerated() {
        var values = operand.values
        if !subject.exact.contains(index) {
          for offset in values.indices {
            var (up, down) = (operands, operands)
            var changed = operand.values
            changed[offset] += size
            up[index] = try ArrayView(changed, shape: operand.shape)
            changed[offset] -= 2 * size
            down[index] = try ArrayView(changed, shape: operand.shape)
            let slope = try Self.evaluate(subject, up)[target] - Self.evaluate(subject, down)[target]
            values[offset] += slope >= 0 ? size : -size
          }
        }
        pushed.append(try ArrayView(values, shape: operand.shape))
      }
      let result = try Self.evaluate(subject, pushed).values
      for index in oracle.indices { #expect(abs(result[index] - oracle[index]) <= bound[index]) }
      if bound[target] > 0 { highest = max(highest, abs(result[target] - oracle[target]) / bound[target]) }
    }
    #expect(highest > subject.reach, "\(subject.name): \(highest)")
    #expect(highest <= 1)
  }

  @Test("what a mask ignores is exactly 0, and of a slice that is ignored as a whole nothing is known")
  func masks() throws {
    let operation = MaskedSoftmax(axis: 1)
    let scores = try ArrayView<Double>([1, 2, 3, 4, 5, 6], shape: [2, 3, 1])
    let mask = try ArrayView<Double>([0, 1, 0, 1, 1, 1], shape: [2, 3])
    let errors = try ArrayView<Double>([1e-3, .infinity, 1e-3, 1e-3, 1e-3, 1e-3], shape: [2, 3, 1])
    var workspace = Workspace()
    let output = try Stage("softmax", operation).evaluate([scores, mask], &workspace)
    let bound = try #require(
      try operation.boundOfAll([scores, mask], errors: [errors, nil], output: output, .float32)
    ).values
    #expect(bound[0].isFinite && bound[0] > 0 && bound[2].isFinite)
    #expect(bound[1] == 0)
    #expect(bound[3...].allSatisfy { $0 == .infinity })
    // A position that is ignored adds nothing, whatever is known of it.
    let values = try ArrayView<Double>([1, 2, 3, 4, 5, 6], shape: [2, 3, 1])
    let spread = try #require(
      try WeightedSum().boundOfAll(
        [output, values], errors: [ArrayView(bound, shape: [2, 3, 1]), errors],
        output: Stage("sum", WeightedSum()).evaluate([output, values], &workspace), .float32)
    ).values
    #expect(spread[0].isFinite)
    #expect(!spread[1].isFinite)
  }

  @Test("nothing is known of a layer norm whose errors reach its spread")
  func wideErrors() throws {
    let x = try ArrayView<Double>([1, 2, 3], shape: [1, 3])
    let ones = try ArrayView<Double>([1, 1, 1], shape: [3])
    var workspace = Workspace()
    let norm = LayerNorm(eps: 1e-5)
    let output = try Stage("norm", norm).evaluate([x, ones, ones], &workspace)
    func bound(_ error: Double) throws -> [Double] {
      let errors = try ArrayView([Double](repeating: error, count: 3), shape: [1, 3])
      return try #require(
        try norm.boundOfAll([x, ones, ones], errors: [errors, nil, nil], output: output, .float32)
      ).values
    }
    #expect(try bound(0.8).allSatisfy(\.isFinite))
    #expect(try bound(0.82).allSatisfy { !$0.isFinite })
    #expect(try bound(.infinity).allSatisfy { !$0.isFinite })
    #expect(try bound(.nan).allSatisfy { !$0.isFinite })
  }
}

/// Marsaglia's generator; any would do.
private struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
