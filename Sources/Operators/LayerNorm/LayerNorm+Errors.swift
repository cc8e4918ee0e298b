internal import TensorFerryTensors

extension LayerNorm {
  /// With `m` and `v` the mean and variance of a row, `t = sqrt(v + eps)`, `e` the errors of its `n` values, `a` their
  /// average and `r` the root of their mean square:
  ///
  /// - the distance `d_i = x_i - m` moves by at most `(1 - 2/n) e_i + a`;
  /// - `t` is the Euclidean length of `d / sqrt(n)` and `sqrt(eps)` in one vector, and taking out the mean makes no
  ///   vector longer. So `t` moves by at most `r`, and stays above `t - r`;
  /// - with primes for what the side has, `d'/t' - d/t = (d' - d)/t' + (d/t)(t - t')/t'`, so that the quotient moves by
  ///   at most `((1 - 2/n) e_i + a + |d_i| r/t) / (t - r)`, and the result by that times the weight.
  ///
  /// The side rounds as in ``bound(_:output:_:into:)`` for a row that is as far off as that. Nothing is known where `r`
  /// reaches `t`.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard errors[1] == nil, errors[2] == nil else { return nil }
    let (weight, bias) = (operands[1].values, operands[2].values)
    let features = weight.count
    var result = [Double](repeating: 0, count: output.count)
    guard features > 0 else { return try ArrayView(result, shape: output.shape) }
    let outward = Rounding.outward(features)
    let given = errors[0]?.values ?? [Double](repeating: 0, count: output.count)
    for start in stride(from: 0, to: result.count, by: features) {
      let row = UnsafeBufferPointer(rebasing: operands[0].elements[start..<start + features])
      let errors = given[start..<start + features]
      let moments = Moments(row)
      let oracle = NormError(of: moments, features, eps: eps, nil)
      let average = errors.reduce(0, +) / Double(features) * outward
      let root = (errors.reduce(0) { $0 + $1 * $1 } / Double(features)).squareRoot() * outward
      // 1 / t, and 1 / (t - r), at most.
      let inverse = oracle.scale * (1 + 2 * oracle.relative) * outward
      let share = root * inverse
      guard share < 1, oracle.relative < 0.25 else {
        for i in 0..<features { result[start + i] = .infinity }
        continue
      }
      let far = inverse / (1 - share) * outward
      let deviation = (moments.variance + oracle.variance).squareRoot() + root
      let side = NormError(
        features, magnitude: moments.magnitude + average, largest: moments.largest + (errors.max() ?? 0),
        variance: deviation * deviation * outward,
        total: 1 / (far * far) / outward, rounding)
      for i in 0..<features {
        let error = errors[start + i]
        let ofDistance = error * (1 - 2 / Double(features)) + average
        let distance = (row[i] - moments.mean).magnitude + oracle.mean
        let magnitude = row[i].magnitude + moments.mean.magnitude
        let movement = weight[i].magnitude * (ofDistance + distance * share) * far
        let rounded = side.error(
          distance: distance + ofDistance, magnitude: magnitude + error + average + oracle.mean, weight[i], bias[i])
        let own = oracle.error(row[i], weight[i], bias[i], in: moments)
        result[start + i] = (movement + rounded + own) * outward
      }
    }
    result.withUnsafeMutableBufferPointer {
      withdrawBound(whereSquaresOverflow: operands[0].elements, features, rounding, in: $0)
    }
    return try ArrayView(result, shape: output.shape)
  }
}
