internal import TensorFerryTensors

extension Operator {
  public func deviation(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? { nil }
}

/// What rounding does as a rule, beside what it can do at most.
///
/// Model: every rounding is off by a random part of a unit, as likely up as down, and no two have to do with each other.
/// It is a model. Roundings are neither random nor independent, so what it calls unusual is not refuted by it.
extension Rounding {
  /// The standard deviation of one rounding to nearest, in units of the value times the unit roundoff: the error is
  /// uniform within half a unit of the last place, and the logarithm of the value within its power of 2.
  ///
  ///     sqrt(integral over m from 1 to 2 of 1 / (3 m^2) * 1 / (m ln 2)) = sqrt(1 / (8 ln 2)) = 0.425
  static let perRounding = 0.425

  /// The standard deviation of one rounding of a number of size 1.
  var step: Double { Self.perRounding * unit }

  /// Twice the number of additions that one chain of a sum of `additions` has: the squares of the partial sums of one
  /// sum scatter about their mean, and so widely that the tails would be heavy without the factor.
  ///
  /// If the depth of the tree is not known: the matrix products that were measured add up blocks of up to 384 terms, and
  /// products with a vector four chains at least; see `Fixtures/parity/deviations.py`.
  func chain(_ additions: Int) -> Double {
    if let depth { return 2 * Double(min(depth, additions)) }
    return 2 * Double(min(additions, max(384, additions / 3)))
  }

  /// The variance of a sum, against an oracle that adds up in Double from first to last.
  ///
  /// Every addition rounds a partial sum. Where the terms come in no particular order, the partial sums of a chain go
  /// from the bias to the sum on a random walk: with `L` additions their squares add up to
  /// `L (squares / 6 + (sum^2 + |sum bias| + bias^2) / 3)`, whether the terms cancel or pile up. Each product is
  /// rounded once more.
  ///
  /// - Parameters:
  ///   - squares: the sum of the squares of all products.
  ///   - extra: further roundings that each product goes through.
  package func varianceOfSum(
    terms: Int, squares: Double, sum: Double, bias: Double? = nil, extra: Double = 0
  ) -> Double {
    let additions = bias == nil ? max(0, terms - 1) : terms
    let ends = (sum * sum + (sum * (bias ?? 0)).magnitude + (bias ?? 0) * (bias ?? 0)) / 3
    func variance(of side: Rounding, chain: Double) -> Double {
      side.step * side.step * (chain * (squares / 6 + ends) + (1 + extra) * squares)
    }
    return variance(of: self, chain: chain(additions)) + variance(of: .float64, chain: 2 * Double(additions))
  }

  /// The standard deviation of a sum; see ``varianceOfSum(terms:squares:sum:bias:extra:)``. What underflows is off by
  /// half the smallest number; where it is flushed it all has one direction.
  package func deviationOfSum(terms: Int, squares: Double, sum: Double, bias: Double? = nil) -> Double {
    varianceOfSum(terms: terms, squares: squares, sum: sum, bias: bias).squareRoot() + underflow(2 * terms + 1)
  }

  /// What `count` results near 0 lose.
  func underflow(_ count: Int) -> Double {
    leastNonzero / 2 * (leastNonzero < leastNormal ? Double(count).squareRoot() : Double(count))
  }
}

extension Terms {
  /// The sum of the squares of the terms.
  var squares: Double {
    var sum = 0.0
    var i = 0
    while i < count {
      let term = left[i] * right[i * step]
      sum += term * term
      i += 1
    }
    return sum
  }
}

extension ArrayView<Double> {
  /// The deviations of a result that nothing rounds.
  static func zeros(_ shape: Shape) throws -> ArrayView<Double> {
    try MutableArrayView<Double>(shape: shape).finished()
  }
}
