internal import TensorFerryTensors

extension GELU {
  /// With `P` and `p` the distribution function and density of the normal distribution, the result is `g(x) = x P(x)`,
  /// and
  ///
  /// - `g'(x) = P(x) + x p(x)`, which lies between its values at -sqrt(2) and sqrt(2): from -0.129 to 1.129;
  /// - `g''(x) = (2 - x^2) p(x)`, which is largest at 0: `2 / sqrt(2 pi) < 0.8`.
  ///
  /// So an operand that is off by `e` moves the result by at most `e` times the smaller of `1.13` and
  /// `|g'(x)| + 0.4 e`. The rounding is the largest for an operand in that range.
  public func boundOfAll(
    _ operands: [ArrayView<Double>], errors: [ArrayView<Double>?], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let (x, errors) = (operands[0].values, errors[0]?.values)
    return try ArrayView(
      x.indices.map { i in
        let error = errors?[i] ?? 0
        // The last summand covers the rounding of the slope where it is about 0.
        let slope = min(1.13, Self.slope(x[i]).magnitude + 0.4 * error + 0x1p-48)
        let rounded = Self.error(of: rounding, x[i], reach: error) + Self.error(of: .float64, x[i])
        return (error * slope + rounded) * Rounding.outward(8)
      }, shape: output.shape)
  }

  private static func slope(_ x: Double) -> Double {
    onePlusErf(x) / 2 + x * exponential(-x * x / 2) / (2 * Double.pi).squareRoot()
  }
}
