import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Bounds and deviations of linear layers add up over the terms of eight outputs side by side.
@Suite("sums over the terms of a linear layer")
struct LinearSumsTests {
  /// A layer of one part of three: so many outputs of a part, rows and features.
  private static let sizes = [(1, 1, 1), (7, 3, 5), (8, 2, 9), (19, 4, 23), (33, 1, 2), (3, 0, 4), (9, 2, 0)]

  private struct Layer {
    let operation = Linear(weight: .init(1, of: 3), bias: .init(2, of: 3))
    let operands: [ArrayView<Double>]
    let output: ArrayView<Double>
    /// For each element the absolute values of its terms, the squares, and the bias.
    var sums: [(magnitude: Double, squares: Double, bias: Double)] = []

    init(outputs: Int, rows: Int, features: Int) throws {
      var random = SeededRandom(UInt64(outputs * 100 + rows * 10 + features))
      func numbers(_ count: Int) -> [Double] {
        (0..<count).map { _ in Double(Float.random(in: -3...3, using: &random)) }
      }
      let (x, weight, bias) = (numbers(rows * features), numbers(3 * outputs * features), numbers(3 * outputs))
      operands = [
        try ArrayView(x, shape: Shape([rows, features])), try ArrayView(weight, shape: Shape([3 * outputs, features])),
        try ArrayView(bias, shape: Shape([3 * outputs])),
      ]
      var output = try MutableArrayView<Double>(shape: operation.outputShape(operands.map(\.shape)))
      operation.forward(operands, into: &output)
      self.output = output.finished()
      for row in 0..<rows {
        for j in 0..<outputs {
          var sum = (magnitude: 0.0, squares: 0.0, bias: bias[2 * outputs + j])
          for i in 0..<features {
            let term = x[row * features + i] * weight[(outputs + j) * features + i]
            sum.magnitude += term.magnitude
            sum.squares += term * term
          }
          sums.append(sum)
        }
      }
    }
  }

  @Test("the bound is that of sums taken from first to last, bit for bit", arguments: sizes)
  func bounds(outputs: Int, rows: Int, features: Int) throws {
    let layer = try Layer(outputs: outputs, rows: rows, features: features)
    for rounding in [Rounding.float32, .float64] {
      var bound = try MutableArrayView<Double>(shape: layer.output.shape)
      layer.operation.bound(layer.operands, output: layer.output, rounding, into: &bound)
      let expected = layer.sums.map {
        rounding.boundOfSum(terms: features, bias: true, magnitude: $0.magnitude + $0.bias.magnitude)
      }
      #expect(bound.finished().values == expected)
    }
  }

  @Test("the deviation is that of sums taken from first to last, bit for bit", arguments: sizes)
  func deviations(outputs: Int, rows: Int, features: Int) throws {
    let layer = try Layer(outputs: outputs, rows: rows, features: features)
    let deviation = try #require(try layer.operation.deviation(layer.operands, output: layer.output, .float32))
    let expected = zip(layer.sums, layer.output.values).map { sum, output in
      Rounding.float32.deviationOfSum(terms: features, squares: sum.squares, sum: output, bias: sum.bias)
    }
    #expect(deviation.values == expected)
  }
}
