internal import TensorFerryTensors

extension LayerNorm {
  /// For every way of taking moments that programs use: two passes with sums in any order, Welford's updates one by
  /// one, and Welford over lanes and chunks that are merged in pairs (Chan, Golub and LeVeque), as PyTorch does it.
  /// With `n` features of at most `X` in absolute value and `log n` to base 2, rounded up:
  ///
  /// - **Mean.** A sum in any order passes each value through at most `n` roundings. A merge of parts with the weight
  ///   `c` adds at most `(1 + 6c) u X`: one rounding of the mean, three of `c (m_b - m_a)`, which is at most `2cX`. A
  ///   value takes part in at most `n` merges, and is on the side that is weighted by `c` once in an update, once among
  ///   the lanes, and at most `log n` times in a cascade. So every running mean is off by at most
  ///   `m = gamma(n + 6 log n + 18) X`.
  /// - **Variance.** An update adds `(x - m_old)(x - m_new)`, where the error of the means counts at most
  ///   `2 |x - m_old| m`; by Cauchy and Schwarz those add up to `2 sqrt(2) n sqrt(v) m`. A merge adds
  ///   `w (m_b - m_a)^2` with `w <= min(n_a, n_b)`; the `w` of a tree add up to at most `n log n / 2`, and the errors
  ///   to `4 n sqrt(v max(1, log n / 2)) m`. Squares of `m` count once an update and four times a merge. Each term
  ///   passes at most `2n + 12` roundings. In two passes the mean counts in second order only, which is less.
  /// - **Result.** `1 / sqrt(v + eps)` takes four roundings (with that of eps to float32), `x - mean` or
  ///   `x * scale - mean * scale` at most three of `|x| + |mean|`, the product one, weight and bias two.
  ///
  /// Nothing is proven where the error of the variance reaches the variance.
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
      let sides = [rounding, .float64].map { NormError(of: moments, features, eps: eps, $0) }
      for i in 0..<features {
        let (value, mean) = (x[start + i], moments.mean)
        let errors = sides.map {
          $0.error(
            distance: (value - mean).magnitude, magnitude: value.magnitude + mean.magnitude, weight[i], bias[i])
        }
        result[start + i] = (errors[0] + errors[1]) * Rounding.outward(features)
      }
    }
  }
}

extension LayerNorm {
  /// How far the bound rises for each unit by which a weight or a bias grows.
  func slope(
    of moments: Moments, _ features: Int, _ x: Double, _ rounding: Rounding, ofWeight: Bool
  ) -> Double {
    [rounding, .float64].map {
      NormError(of: moments, features, eps: eps, $0).error(
        distance: (x - moments.mean).magnitude, magnitude: x.magnitude + moments.mean.magnitude, ofWeight ? 1 : 0,
        ofWeight ? 0 : 1)
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
          let (distance, magnitude) = ((value - moments.mean).magnitude, value.magnitude + moments.mean.magnitude)
          let slope = error.error(distance: distance, magnitude: magnitude, 1, 1)
          slopes.append(2 * slope * Rounding.outward(features))
        }
      }
    }
    return (values, slopes)
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
  /// The relative error of the scale.
  let relative: Double

  init(of moments: Moments, _ features: Int, eps: Double, _ side: Rounding) {
    let total = moments.variance + eps
    self.init(features, largest: moments.largest, variance: moments.variance, total: total, side)
  }

  /// - Parameters:
  ///   - largest: the largest absolute value in the row, at most.
  ///   - variance: at most.
  ///   - total: `variance + eps`, at least.
  init(_ features: Int, largest: Double, variance: Double, total: Double, _ side: Rounding) {
    let n = Double(features)
    let log = features < 2 ? 1 : Int.bitWidth - (features - 1).leadingZeroBitCount
    let least = side.leastNonzero
    let mean = side.gamma(features + 6 * log + 18) * largest + 4 * n * least
    let merges = max(1, Double(log) / 2)
    let crossed = (2 * 2.0.squareRoot() + 4 * merges.squareRoot()) * mean * variance.squareRoot()
    let ofMean = crossed + (1 + 4 * merges) * mean * mean
    self.variance = ofMean + side.gamma(2 * features + 12) * (variance + ofMean) + 4 * n * least

    let share = self.variance / total
    // 1 / sqrt(1 - share) - 1 without cancellation; also covers a variance that is too large.
    let root = (1 - share).squareRoot()
    let ofVariance = share < 1 ? share / ((1 + root) * root) : .infinity
    let rounded = side.gamma(4)
    relative = ofVariance + rounded * (1 + ofVariance)
    scale = 1 / total.squareRoot()
    self.mean = mean
    self.side = side
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
