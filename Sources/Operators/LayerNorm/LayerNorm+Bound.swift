internal import TensorFerryTensors

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
        let errors = sides.map { $0.error(x[start + i], weight[i], bias[i], in: moments) }
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
      NormError(of: moments, features, eps: eps, $0).error(
        x, ofWeight ? 1 : 0, ofWeight ? 0 : 1, in: moments)
    }.reduce(0, +) * Rounding.outward(features)
  }
}

extension LayerNorm {
  /// Each element of `x` normalised, and how fast the bound for float64 rises for each unit by which its weight and its
  /// bias grow together; that covers the error of the normalised element, too.
  package func normalised(_ x: ArrayView<Double>) -> (values: [Double], slopes: [Double]) {
    var (values, slopes): ([Double], [Double]) = ([], [])
    guard let features = x.shape.dimensions.last, features > 0 else { return ([], []) }
    values.reserveCapacity(x.count)
    slopes.reserveCapacity(x.count)
    withExtendedLifetime(x) {
      for start in stride(from: 0, to: x.count, by: features) {
        let moments = Moments(UnsafeBufferPointer(rebasing: x.elements[start..<start + features]))
        let error = NormError(of: moments, features, eps: eps, .float64)
        let scale = 1 / (moments.variance + eps).squareRoot()
        for value in x.elements[start..<start + features] {
          values.append((value - moments.mean) * scale)
          slopes.append(2 * error.error(value, 1, 1, in: moments) * Rounding.outward(features))
        }
      }
    }
    return (values, slopes)
  }
}

/// How far one side may be off in the moments of a row.
private struct MomentError {
  /// The absolute error of the mean, and of every running mean.
  let mean: Double
  /// The absolute error of the variance.
  let variance: Double

  /// Of any way of taking moments, for a row of which these are upper bounds: the mean of the absolute values, the largest
  /// of them, and the variance.
  init(_ features: Int, magnitude: Double, largest: Double, variance: Double, _ side: Rounding) {
    let log = Self.log(features)
    mean = Self.mean(features, magnitude, largest, side)
    let merges = max(1, Double(log) / 2)
    let crossed = (2 * 2.0.squareRoot() + 4 * merges.squareRoot()) * mean * variance.squareRoot()
    let ofMean = crossed + (1 + 4 * merges) * mean * mean
    self.variance =
      ofMean + side.gamma(2 * features + 12) * (variance + ofMean) + 4 * Double(features) * side.leastNonzero
  }

  /// Of the oracle.
  init(ofOracle moments: Moments, _ features: Int) {
    let side = Rounding.float64
    mean = Self.mean(features, moments.magnitude, moments.largest, side)
    let squares = mean * mean
    // Twice, because the variance is the one that the oracle computed.
    variance =
      squares + 2 * side.gamma(features + 6) * (moments.variance + squares)
      + 4 * Double(features) * side.leastNonzero
  }

  private static func mean(_ features: Int, _ magnitude: Double, _ largest: Double, _ side: Rounding) -> Double {
    let (n, merging) = (Double(features), 6 * log(features) + 18)
    let sum = min(n * magnitude, (n + 1) / 2 * largest) + Double(merging) * largest
    return side.unit * sum * (1 + side.gamma(features + merging)) + 4 * n * side.leastNonzero
  }

  /// To base 2, rounded up; at least 1.
  private static func log(_ features: Int) -> Int {
    features < 2 ? 1 : Int.bitWidth - (features - 1).leadingZeroBitCount
  }
}

/// How far one side may be off in the mean and the scale of one row.
struct NormError {
  let side: Rounding
  /// `1 / sqrt(variance + eps)`, at most.
  let scale: Double
  /// The absolute error of the mean.
  let mean: Double
  /// The absolute error of the variance.
  let variance: Double
  /// The absolute error of the oracle's mean, if the row is one of the oracle's.
  private let meanOfOracle: Double
  /// The relative error of the scale.
  let relative: Double

  /// - Parameter side: nil for the oracle.
  init(of moments: Moments, _ features: Int, eps: Double, _ side: Rounding?) {
    let oracle = MomentError(ofOracle: moments, features)
    let own =
      side.map {
        MomentError(
          features, magnitude: moments.magnitude, largest: moments.largest,
          variance: moments.variance + oracle.variance, $0)
      } ?? oracle
    self.init(own, total: moments.variance - oracle.variance + eps, meanOfOracle: oracle.mean, side ?? .float64)
  }

  /// - Parameters:
  ///   - magnitude: the mean of the absolute values in the row, at most.
  ///   - largest: the largest absolute value, at most.
  ///   - variance: at most.
  ///   - total: `variance + eps`, at least.
  init(
    _ features: Int, magnitude: Double, largest: Double, variance: Double, total: Double, _ side: Rounding
  ) {
    let own = MomentError(features, magnitude: magnitude, largest: largest, variance: variance, side)
    self.init(own, total: total, meanOfOracle: 0, side)
  }

  private init(_ own: MomentError, total: Double, meanOfOracle: Double, _ side: Rounding) {
    let share = total > 0 ? own.variance / total : .infinity
    // 1 / sqrt(1 - share) - 1 without cancellation; also covers a variance that is too large.
    let root = (1 - share).squareRoot()
    let ofVariance = share < 1 ? share / ((1 + root) * root) : .infinity
    let rounded = side.gamma(4)
    relative = ofVariance + rounded * (1 + ofVariance)
    scale = total > 0 ? 1 / total.squareRoot() : .infinity
    (mean, variance) = (own.mean, own.variance)
    self.meanOfOracle = meanOfOracle
    self.side = side
  }

  /// Of the result for the value `x` of the row that has these moments.
  func error(_ x: Double, _ weight: Double, _ bias: Double, in moments: Moments) -> Double {
    error(
      distance: (x - moments.mean).magnitude + meanOfOracle,
      magnitude: x.magnitude + moments.mean.magnitude + meanOfOracle, weight, bias)
  }

  /// - Parameters:
  ///   - distance: of the value from the mean.
  ///   - magnitude: `|value| + |mean|`.
  func error(distance: Double, magnitude: Double, _ weight: Double, _ bias: Double) -> Double {
    let ofDistance = mean + side.gamma(4) * (magnitude + mean)
    let growth = relative + side.unit * (1 + relative)
    let ofQuotient = scale * (ofDistance * (1 + growth) + distance * growth) + 4 * side.leastNonzero
    let product = weight.magnitude * scale * distance
    return weight.magnitude * ofQuotient * (1 + side.gamma(3)) + side.gamma(3) * (product + bias.magnitude)
      + 2 * side.leastNonzero
  }
}
