internal import TensorFerryTensors

extension AttentionPooling {
  /// A share is off, relatively, by the error of its score, by the rounding of the score's distance from the largest one,
  /// and by its exponential and some scalings. What all shares have in common cancels, so the result moves by
  /// `a_t (x_t - p)` for each unit of that; the sums of the products and of the exponentials, and the division, come on
  /// top.
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    let result = try MutableArrayView<Double>(shape: output.shape)
    let (deviations, pooled) = (result.elements, output.elements)
    let (batch, positions, features) = sizes(operands)
    let square = rounding.step * rounding.step
    withExtendedLifetime((operands, output)) {
      for b in 0..<batch {
        let (rows, shares) = attention(operands, of: b)
        let scores = rows.map(\.sum)
        let largest = largest(scores)
        // The largest score changes about as often as the logarithm of the number of positions.
        let scalings = 2 * Double(Int.bitWidth - positions.leadingZeroBitCount)
        let ofShares = zip(rows, scores).map { row, score -> Double in
          let distance = largest - score
          return rounding.varianceOfSum(terms: features, squares: row.squares, sum: score)
            + square * (distance * distance + rounding.expUlps + scalings)
        }
        let walk = shares.reduce(0) { $0 + $1 * $1 } / 6 + 1.0 / 3
        let ofTotal = square * (rounding.chain(max(0, positions - 1)) * walk + 2)
        for k in 0..<features {
          let p = pooled[b * features + k]
          var (moved, squares, magnitude) = (0.0, 0.0, 0.0)
          for t in 0..<positions where shares[t] > 0 {
            let x = rows[t].left[k]
            moved += shares[t] * shares[t] * (x - p) * (x - p) * ofShares[t]
            squares += shares[t] * shares[t] * x * x
            magnitude += x.magnitude
          }
          let ofSum = rounding.varianceOfSum(terms: positions, squares: squares, sum: p)
          deviations[b * features + k] =
            (moved + ofSum + p * p * ofTotal).squareRoot() + rounding.leastNormal * magnitude
            + rounding.underflow(2 * positions + 1)
        }
      }
    }
    return result.finished()
  }
}
