internal import TensorFerryTensors

extension Softmax {
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let result = try MutableArrayView<Double>(shape: output.shape)
    let deviations = result.elements
    withExtendedLifetime((operands, output)) {
      Slices(shape: output.shape, axis: axis).forEach { slice in
        rounding.deviationOfSoftmax(
          at: Array(slice), operands[0].elements, output.elements, into: deviations)
      }
    }
    return result.finished()
  }
}

extension MaskedSoftmax {
  /// That of ``Softmax`` over the positions that are left; nothing is rounded at the others.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let result = try MutableArrayView<Double>(shape: output.shape)
    let deviations = result.elements
    withExtendedLifetime((operands, output)) {
      forEachSlice(operands) { slice, isIgnored in
        let left = slice.enumerated().compactMap { isIgnored[$0] ? nil : $1 }
        rounding.deviationOfSoftmax(at: left, operands[0].elements, output.elements, into: deviations)
      }
    }
    return result.finished()
  }
}

extension Rounding {
  /// A share `a_j` with the distance `D_j` of its score from the largest one is off, relatively, by
  ///
  /// - the rounding of `D_j`, which counts `D_j` times, and that of the exponential;
  /// - the same of the sum of all exponentials, each with its share, and the additions of that sum;
  /// - one division, or a reciprocal and a product.
  ///
  /// An exponential that underflows may be flushed.
  fileprivate func deviationOfSoftmax(
    at offsets: [Int], _ scores: UnsafeBufferPointer<Double>, _ shares: UnsafeBufferPointer<Double>,
    into result: UnsafeMutableBufferPointer<Double>
  ) {
    let largest = largest(offsets.map { scores[$0] })
    // In units of the variance of one rounding; a share of 0 has no error, whatever its distance.
    let ofPowers = offsets.map { offset -> Double in
      let distance = largest - scores[offset]
      return shares[offset] == 0 ? 0 : distance * distance + expUlps
    }
    let squares = offsets.map { shares[$0] * shares[$0] }
    let carried = zip(squares, ofPowers).map(*).reduce(0, +)
    let walk = squares.reduce(0, +) / 6 + 1.0 / 3
    let additions = max(0, offsets.count - 1)
    for (index, offset) in offsets.enumerated() {
      func variance(of side: Rounding, chain: Double) -> Double {
        side.step * side.step * (ofPowers[index] + carried + chain * walk + 2)
      }
      let relative = variance(of: self, chain: chain(additions)) + variance(of: .float64, chain: 2 * Double(additions))
      result[offset] = shares[offset] * relative.squareRoot() + leastNormal
    }
  }
}
