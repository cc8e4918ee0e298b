internal import TensorFerryTensors

extension LayerNorm {
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let (x, weight, bias) = (operands[0].values, operands[1].values, operands[2].values)
    var result = [Double](repeating: 0, count: output.count)
    let features = weight.count
    guard features > 0 else { return try ArrayView(result, shape: output.shape) }
    for start in stride(from: 0, to: result.count, by: features) {
      let moments = x[start..<start + features].withUnsafeBufferPointer { Moments($0) }
      let sides = [rounding, .float64].map { NormDeviation(of: moments, features, eps: eps, $0) }
      for i in 0..<features {
        let variances = sides.map { $0.variance(x[start + i], weight[i], bias[i]) }
        result[start + i] = (variances[0] + variances[1]).squareRoot() + rounding.underflow(6)
      }
    }
    return try ArrayView(result, shape: output.shape)
  }
}

/// What rounding does to the mean and the scale of a row as a rule.
///
/// A chain of `L` roundings of running means, of which the later ones count more, has the variance `L / 3` of one. The
/// distances from a running mean share its error, so the variance of the row is off by it, relative to the standard
/// deviation, and by its own additions.
private struct NormDeviation {
  let mean: Double
  let side: Rounding
  /// `1 / sqrt(variance + eps)`.
  let scale: Double
  let varianceOfMean: Double
  /// Of the scale, relative to it.
  let varianceOfScale: Double

  init(of moments: Moments, _ features: Int, eps: Double, _ side: Rounding) {
    let total = moments.variance + eps
    let step = side.step * side.step
    let chain = side.chain(features)
    let square = moments.mean * moments.mean
    varianceOfMean = step * (chain / 3 + 2) * (square + moments.variance / Double(features))
    let share = moments.variance / total
    let crossed = moments.variance > 0 ? varianceOfMean / moments.variance : 0
    varianceOfScale = share * share * (crossed + step * (chain / 3 + 3)) + 4 * step
    scale = 1 / total.squareRoot()
    mean = moments.mean
    self.side = side
  }

  func variance(_ x: Double, _ weight: Double, _ bias: Double) -> Double {
    let step = side.step * side.step
    let distance = x - mean
    let ofDistance = varianceOfMean + step * (x * x + 2 * mean * mean)
    let quotient = scale * distance
    let ofQuotient = scale * scale * ofDistance + quotient * quotient * (varianceOfScale + 2 * step)
    let result = weight * quotient + bias
    return weight * weight * ofQuotient + step * (weight * quotient * weight * quotient + result * result)
  }
}
