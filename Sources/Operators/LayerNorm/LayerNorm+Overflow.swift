extension LayerNorm {
  /// Takes the bound from rows whose squares may overflow. A variance of infinity makes a result of 0, which does not
  /// look like an overflow; with `n` features of at most `X` in absolute value, no running sum of squares is above
  /// `4 n X^2`.
  func withdrawBound(
    whereSquaresOverflow x: UnsafeBufferPointer<Double>, _ features: Int, _ rounding: Rounding,
    in result: UnsafeMutableBufferPointer<Double>
  ) {
    let limit = (rounding.greatestFinite / (4.5 * Double(features))).squareRoot()
    for start in stride(from: 0, to: result.count, by: features) {
      let row = start..<start + features
      guard !row.allSatisfy({ x[$0].magnitude < limit }) else { continue }
      for i in row { result[i] = .infinity }
    }
  }
}
