internal import TensorFerryTensors

/// What is added up over the terms of an element of a product: their absolute values, or their squares.
protocol TermMeasure {
  static func of(_ terms: SIMD8<Double>) -> SIMD8<Double>
}

enum Magnitude: TermMeasure {
  @inline(__always)
  static func of(_ terms: SIMD8<Double>) -> SIMD8<Double> {
    let allButSign = SIMD8<UInt64>(repeating: UInt64.max >> 1)
    return unsafeBitCast(unsafeBitCast(terms, to: SIMD8<UInt64>.self) & allButSign, to: SIMD8<Double>.self)
  }
}

enum Square: TermMeasure {
  @inline(__always)
  static func of(_ terms: SIMD8<Double>) -> SIMD8<Double> { terms * terms }
}

extension Linear {
  /// Calls `body` with the offset of each result, its bias if there is one, and the sum of what `measure` makes of its
  /// terms.
  ///
  /// Each sum is taken from first to last, so that it is the same, bit for bit, as that of ``Terms``; eight outputs are
  /// added up side by side, because one sum alone waits for each of its additions. Memory: a copy of eight rows of the
  /// weight.
  func forEachSum<Measure: TermMeasure>(
    of measure: Measure.Type, _ operands: [ArrayView<Double>],
    _ body: (_ offset: Int, _ bias: Double?, _ sum: Double) -> Void
  ) {
    let (rows, outputs, inputs) = sizes(operands)
    let (x, matrix) = (operands[0].elements.baseAddress!, operands[1].elements.baseAddress!)
    let biases = operands.count == 3 ? operands[2].elements : nil
    let columns = UnsafeMutablePointer<SIMD8<Double>>.allocate(capacity: max(inputs, 1))
    defer { columns.deallocate() }
    for first in stride(from: 0, to: outputs, by: 8) {
      let count = min(8, outputs - first)
      for i in 0..<inputs {
        var column = SIMD8<Double>.zero
        for j in 0..<count { column[j] = matrix[(weight.index * outputs + first + j) * inputs + i] }
        (columns + i).initialize(to: column)
      }
      for row in 0..<rows {
        let values = x + row * inputs
        var sums = SIMD8<Double>.zero
        for i in 0..<inputs { sums += Measure.of(SIMD8(repeating: values[i]) * columns[i]) }
        for j in 0..<count {
          body(row * outputs + first + j, biases?[bias.index * outputs + first + j], sums[j])
        }
      }
    }
  }
}
