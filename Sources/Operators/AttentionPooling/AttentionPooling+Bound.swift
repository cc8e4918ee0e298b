extension AttentionPooling {
  /// With `S_t` the scores, `D_t = max S - S_t`, `a_t` the exact shares and `e_t` what bounds the error of a score plus
  /// that of the largest one:
  ///
  /// A numerator is an exponential whose argument is off by `e_t` and by a rounding of each subtraction on the way to the
  /// largest score, which add up to at most `u (D_t + e_t)`, because the steps do. It passes one exponential of its own,
  /// and an exponential and a product for each of at most `N` scalings. So it is off by at most the relative
  ///
  ///     F_t = exp(e_t + u (D_t + e_t)) (1 + e)^(1 + N) (1 + u)^N - 1
  ///
  /// and its term by `A_t = (1 + F_t)(1 + gamma_(N+1)) - 1`, a product and up to `N` additions; so is the denominator, by
  /// at most the mean `P = sum of a_t A_t`. With the division,
  ///
  ///     |p_k - exact| <= sum over t of a_t |x_tk| (A_t + u + A_t u + P) / (1 - P)  +  underflow
  ///
  /// Nothing is proven where `P >= 1`.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (batch, positions, features) = sizes(operands)
    let result = bound.elements
    for b in 0..<batch {
      let (rows, shares) = attention(operands, of: b)
      let factors = [rounding, .float64].map { $0.growthOfPooling(rows, shares) }
      for k in 0..<features {
        var (sum, magnitude) = (0.0, 0.0)
        for t in 0..<positions {
          sum += rows[t].left[k].magnitude * (factors[0][t] + factors[1][t])
          magnitude += rows[t].left[k].magnitude
        }
        let lost = Double(positions + 2) * (rounding.leastNormal * magnitude + 2 * rounding.leastNonzero)
        result[b * features + k] = (sum + lost) * Rounding.outward(positions + features)
      }
    }
  }
}

extension Rounding {
  /// For each position how far its share of the sum may be off, as a part of the sum; infinite where nothing is known.
  fileprivate func growthOfPooling(_ rows: [Terms], _ shares: [Double]) -> [Double] {
    let scores = rows.map(\.sum)
    let errors = rows.map { boundOfSum(terms: $0.count, magnitude: $0.magnitude) }
    let (largest, most) = (largest(scores), errors.max() ?? 0)
    let count = Double(rows.count)
    let steps = exponentialLessOne((count + 1) * 2 * expUlps * unit + count * unit)
    let products = gamma(rows.count + 1)
    // A share of 0 that is exact stays below the smallest normal number, which is counted as underflow.
    let growth = scores.indices.map { t -> Double in
      let error = errors[t] + most
      let shift = exponentialLessOne(error + unit * (largest - scores[t] + error))
      let numerator = shift + steps + shift * steps
      return shares[t] == 0 && numerator.isFinite ? 0 : numerator + products + numerator * products
    }
    let mean = zip(shares, growth).reduce(0) { $0 + $1.0 * $1.1 }
    guard mean < 1 else { return shares.map { _ in .infinity } }
    return zip(shares, growth).map { share, growth in
      share * (growth + unit + growth * unit + mean) / (1 - mean)
    }
  }
}
