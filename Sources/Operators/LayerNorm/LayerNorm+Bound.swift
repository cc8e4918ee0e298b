extension LayerNorm {
  /// For every way of taking moments that programs use: two passes with sums in any order, Welford's updates one by
  /// one, and Welford over lanes and chunks that are merged in pairs (Chan, Golub and LeVeque), as PyTorch does it.
  /// With `n` features of at most `X` in absolute value and `log n` to base 2, rounded up:
  ///
  /// - **Mean.** A sum in any order, or a tree of merges, rounds a part of `k` features by at most `u` times its mean, and
  /// counts in the end as `k / n`. The parts of a tree hold at most `n (n + 1) / 2` features together, and each feature
  /// is in at most `n` of them; so with the mean `A` of the absolute values that makes `u min(n A, X (n + 1) / 2)`. A
  /// merge with the weight `c` also rounds `c (m_b - m_a)`, which is at most `2cX`, three times, and counts as `6c u X`
  /// times `k / n`: `6 u X / n` for every feature on the side that is weighted by `c`. A feature is on that side once in
  /// an update, once among the lanes, and at most `log n` times in a cascade. The division by `n` takes two roundings.
  /// So every running mean is off by at most `m = u (min(n A, X (n + 1) / 2) + (6 log n + 18) X)`, of values that are
  /// themselves at most `(1 + gamma(n + 6 log n + 18)) X`.
  /// - **Variance.** An update adds `(x - m_old)(x - m_new)`, where the error of the means counts at most
  ///   `2 |x - m_old| m`; by Cauchy and Schwarz those add up to `2 sqrt(2) n sqrt(v) m`. A merge adds
  ///   `w (m_b - m_a)^2` with `w <= min(n_a, n_b)`; the `w` of a tree add up to at most `n log n / 2`, and the errors
  ///   to `4 n sqrt(v max(1, log n / 2)) m`. Squares of `m` count once an update and four times a merge. Each term
  ///   passes at most `2n + 12` roundings. In two passes the mean counts in second order only, which is less.
  /// - **Result.** `1 / sqrt(v + eps)` takes four roundings (with that of eps to float32), `x - mean` or
  ///   `x * scale - mean * scale` at most three of `|x| + |mean|`, the product one, weight and bias two.
  ///
  /// The oracle takes two passes: its variance is off by at most `m^2` and by what its sum rounds. The bound is that of
  /// the worst variance and mean within its error. Nothing is proven where the error of the variance reaches it.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (x, weight, bias) = (operands[0].elements, operands[1].elements, operands[2].elements)
    let result = bound.elements
    let features = weight.count
    guard features > 0 else { return }
    for start in stride(from: 0, to: result.count, by: features) {
      let moments = Moments(UnsafeBufferPointer(rebasing: x[start..<start + features]))
      let sides = [rounding, nil].map { NormError(of: moments, features, eps: eps, $0) }
      for i in 0..<features {
        let errors = sides.map { $0.error(x[start + i], weight[i], bias[i]) }
        result[start + i] = (errors[0] + errors[1]) * Rounding.outward(features)
      }
    }
    withdrawBound(whereSquaresOverflow: x, features, rounding, in: result)
  }
}

extension LayerNorm {
  /// How far the bound rises for each unit by which a weight or a bias grows.
  func slope(
    of moments: Moments, _ features: Int, _ x: Double, _ rounding: Rounding, ofWeight: Bool
  ) -> Double {
    [rounding, nil].map {
      NormError(of: moments, features, eps: eps, $0).error(x, ofWeight ? 1 : 0, ofWeight ? 0 : 1)
    }.reduce(0, +) * Rounding.outward(features)
  }
}

/// How far one side may be off in the moments of a row.
private struct MomentError {
  /// The absolute error of the mean, and of every running mean.
  let mean: Double
  /// The absolute error of the variance.
  let variance: Double

  /// Of any way of taking moments, for a row whose variance is at most `largestVariance`.
  init(of moments: Moments, _ features: Int, _ side: Rounding, largestVariance: Double) {
    let log = Self.log(features)
    mean = Self.mean(moments, features, side)
    let merges = max(1, Double(log) / 2)
    let crossed = (2 * 2.0.squareRoot() + 4 * merges.squareRoot()) * mean * largestVariance.squareRoot()
    let ofMean = crossed + (1 + 4 * merges) * mean * mean
    variance =
      ofMean + side.gamma(2 * features + 12) * (largestVariance + ofMean) + 4 * Double(features) * side.leastNonzero
  }

  /// Of the oracle.
  init(ofOracle moments: Moments, _ features: Int) {
    let side = Rounding.float64
    mean = Self.mean(moments, features, side)
    let squares = mean * mean
    // Twice, because the variance is the one that the oracle computed.
    variance =
      squares + 2 * side.gamma(features + 6) * (moments.variance + squares)
      + 4 * Double(features) * side.leastNonzero
  }

  private static func mean(_ moments: Moments, _ features: Int, _ side: Rounding) -> Double {
    let (n, merging) = (Double(features), 6 * log(features) + 18)
    let sum = min(n * moments.magnitude, (n + 1) / 2 * moments.largest) + Double(merging) * moments.largest
    return side.unit * sum * (1 + side.gamma(features + merging)) + 4 * n * side.leastNonzero
  }

  /// To base 2, rounded up; at least 1.
  private static func log(_ features: Int) -> Int {
    features < 2 ? 1 : Int.bitWidth - (features - 1).leadingZeroBitCount
  }
}

/// How far one side may be off in the mean and the scale of one row.
private struct NormError {
  let moments: Moments
  let side: Rounding
  /// `1 / sqrt(variance + eps)`, at most.
  let scale: Double
  /// The absolute error of the mean.
  let mean: Double
  /// The absolute error of the oracle's mean.
  let meanOfOracle: Double
  /// The relative error of the scale.
  let relative: Double

  /// - Parameter side: nil for the oracle.
  init(of moments: Moments, _ features: Int, eps: Double, _ side: Rounding?) {
    let oracle = MomentError(ofOracle: moments, features)
    let largest = moments.variance + oracle.variance
    let own = side.map { MomentError(of: moments, features, $0, largestVariance: largest) } ?? oracle
    let side = side ?? .float64
    let total = moments.variance - oracle.variance + eps
    let share = total > 0 ? own.variance / total : .infinity
    // 1 / sqrt(1 - share) - 1 without cancellation; also covers a variance that is too large.
    let root = (1 - share).squareRoot()
    let ofVariance = share < 1 ? share / ((1 + root) * root) : .infinity
    let rounded = side.gamma(4)
    relative = ofVariance + rounded * (1 + ofVariance)
    scale = total > 0 ? 1 / total.squareRoot() : .infinity
    mean = own.mean
    meanOfOracle = oracle.mean
    self.moments = moments
    self.side = side
  }

  func error(_ x: Double, _ weight: Double, _ bias: Double) -> Double {
    let distance = (x - moments.mean).magnitude + meanOfOracle
    let ofDistance = mean + side.gamma(4) * (x.magnitude + moments.mean.magnitude + meanOfOracle + mean)
    let growth = relative + side.unit * (1 + relative)
    let ofQuotient = scale * (ofDistance * (1 + growth) + distance * growth) + 4 * side.leastNonzero
    let product = weight.magnitude * scale * distance
    return weight.magnitude * ofQuotient * (1 + side.gamma(3)) + side.gamma(3) * (product + bias.magnitude)
      + 2 * side.leastNonzero
  }
}
