extension Softmax {
  /// With `D_j = max s - s_j`, `E_j = exp(-D_j)`, `z` their sum and `a_j = E_j / z`, a side with unit roundoff `u` and
  /// an exponential good to a relative `e` computes a numerator of at most `exp(-D_j (1 - u)) (1 + e)`.
  ///
  /// So with `t_j = (exp(-D_j (1 - u)) (1 + e) - E_j) / z` and `T` their sum, the numerator is off by at most `t_j z`,
  /// the denominator by at most a factor of `(1 - T)(1 - gamma)`, and the division (or a product with a reciprocal)
  /// takes two roundings:
  ///
  ///     bound_j = (a_j + t_j)(1 + u)^2 / ((1 - T)(1 - gamma)) - a_j + underflow
  ///
  /// Every `t_j` is finite, for an infinite `D_j` as well. Nothing is proven where `T >= 1`.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (scores, shares, result) = (operands[0].elements, output.elements, bound.elements)
    Slices(shape: operands[0].shape, axis: axis).forEach { slice in
      rounding.boundSoftmax(at: Array(slice), scores, shares, into: result)
    }
  }
}

extension Softmax {
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let errors = try errors[0] ?? MutableArrayView<Double>(shape: output.shape).finished()
    var result = [Double](repeating: 0, count: output.count)
    withExtendedLifetime((errors, output)) {
      Slices(shape: output.shape, axis: axis).forEach { slice in
        rounding.boundSoftmax(
          at: Array(slice), operands[0].elements, output.elements, errors: errors.elements, into: &result)
      }
    }
    return try ArrayView(result, shape: output.shape)
  }
}

extension Rounding {
  /// Bounds the error of this side and of the oracle in the results at `offsets`, which sum to 1.
  func boundSoftmax(
    at offsets: [Int], _ scores: UnsafeBufferPointer<Double>, _ shares: UnsafeBufferPointer<Double>,
    into result: UnsafeMutableBufferPointer<Double>
  ) {
    let largest = largest(offsets.map { scores[$0] })
    let distances = offsets.map { largest - scores[$0] }
    let shares = offsets.map { shares[$0] }
    let side = boundOfSoftmax(distances, shares)
    let oracle = Rounding.float64.boundOfSoftmax(distances, shares)
    for (index, offset) in offsets.enumerated() {
      result[offset] = (side[index] + oracle[index]) * Rounding.outward(offsets.count)
    }
  }

  /// Bounds the difference from the oracle of a side whose scores are off by at most `errors`.
  ///
  /// With `E` the largest error, a share changes by at most a factor of `exp(e_j + E)`, and a distance from the largest
  /// score by at most `2E`. The rounding is that of the shares and distances at the far end of this.
  func boundSoftmax(
    at offsets: [Int], _ scores: UnsafeBufferPointer<Double>, _ shares: UnsafeBufferPointer<Double>,
    errors: UnsafeBufferPointer<Double>, into result: inout [Double]
  ) {
    let largest = largest(offsets.map { scores[$0] })
    let most = offsets.map { errors[$0] }.max() ?? 0
    let distances = offsets.map { largest - scores[$0] + 2 * most }
    // So far the oracle's own relative error of a share stays below 2^-30.
    let isTame = offsets.count < 1 << 20 && distances.allSatisfy { $0 < 0x1p20 }
    let shifts = offsets.map { exponentialLessOne(errors[$0] + most) }
    let farShares = zip(offsets, shifts).map { shares[$0] * (1 + $1) * (1 + 0x1p-30) }
    let side = boundOfFarSoftmax(distances, farShares)
    let oracle = Rounding.float64.boundOfFarSoftmax(distances, farShares)
    for (index, offset) in offsets.enumerated() {
      let movement = shares[offset] * shifts[index] * (1 + 0x1p-30)
      result[offset] = isTame ? (movement + side[index] + oracle[index]) * Rounding.outward(offsets.count) : .infinity
    }
  }

  /// As ``boundOfSoftmax(_:_:)``, for distances and shares that are upper bounds and no softmax of each other.
  private func boundOfFarSoftmax(_ distances: [Double], _ shares: [Double]) -> [Double] {
    let expError = 2 * expUlps * unit
    let excesses = zip(distances, shares).map { distance, share in
      share * (exponentialLessOne(unit * distance) * (1 + expError) + expError)
    }
    return bound(shares, excesses)
  }

  /// - Parameters:
  ///   - distances: how far each score lies below the largest, 0 or more.
  ///   - shares: the exact results, up to the error of the oracle.
  fileprivate func boundOfSoftmax(_ distances: [Double], _ shares: [Double]) -> [Double] {
    let expError = 2 * expUlps * unit
    // 1 / z, which is the share of the largest score.
    let scale = zip(distances, shares).first { $0.0 == 0 }?.1 ?? .nan
    let excesses = zip(distances, shares).map { distance, share in
      let shift = unit * distance
      // The difference as the formula has it would cancel to nothing in Double for a unit of 2^-53; the form with
      // expm1 does not, but overflows for a large shift.
      return shift <= 1
        ? share * (exponentialLessOne(shift) * (1 + expError) + expError)
        : (exponential(-distance * (1 - unit)) * (1 + expError) - exponential(-distance)) * scale
    }
    return bound(shares, excesses)
  }

  /// - Parameter excesses: by how much the numerators may be too large, in shares of the denominator.
  private func bound(_ shares: [Double], _ excesses: [Double]) -> [Double] {
    let total = excesses.reduce(0, +)
    let growth = gamma(min(depth ?? .max, max(0, shares.count - 1)))
    let denominator = (1 - total) * (1 - growth)
    guard denominator > 0 else { return shares.map { _ in .infinity } }
    let factorLessOne = (2 * unit + unit * unit + total + growth - total * growth) / denominator
    let underflow = Double(shares.count + 2) * leastNormal
    return zip(shares, excesses).map { share, excess in
      share * factorLessOne + excess * (1 + factorLessOne) + underflow
    }
  }
}
