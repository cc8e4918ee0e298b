/// How one side of a comparison rounds: what its bound on rounding errors is made of.
///
/// Assumed of that side: every sum, product and fused product is rounded to nearest in a format of at least this
/// precision; sums may be taken in any order, by any number of lanes and threads; nothing overflows.
public struct Rounding: Hashable, Sendable {
  /// The unit roundoff: 2^-24 for float32.
  public var unit: Double
  /// The smallest positive number, which bounds what a product loses to gradual underflow.
  public var leastNonzero: Double
  /// The smallest normal number, below which an exponential may be flushed to 0.
  public var leastNormal: Double
  /// The error of the exponential function in units of the last place.
  public var expUlps: Double
  /// The error of the error function, in units of the unit roundoff: absolute, because PyTorch's vectorised one is an
  /// approximation that is good to a part of 1 (formula 7.1.26 of Abramowitz and Stegun: 1.5e-7, and its roundings).
  public var erfUnits: Double
  /// The most additions that one term of a sum goes through, where the order of summation is known.
  public var depth: Int?
  /// The largest relative difference between the weights of a linear layer on this side and those of the oracle: 0 for
  /// weights that were copied, more for those that both sides computed from others, each rounding in its own way.
  public var weightDifference = 0.0
  /// The largest finite number, above which a result overflows.
  public var greatestFinite: Double {
    unit > 0x1p-53 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
  }

  public init(
    unit: Double, leastNonzero: Double, leastNormal: Double, expUlps: Double = 1, erfUnits: Double = 32,
    depth: Int? = nil
  ) {
    self.unit = unit
    self.leastNonzero = leastNonzero
    self.leastNormal = leastNormal
    self.expUlps = expUlps
    self.erfUnits = erfUnits
    self.depth = depth
  }

  /// float32 in any order of summation.
  public static let float32 = Rounding(unit: 0x1p-24, leastNonzero: 0x1p-149, leastNormal: 0x1p-126)
  /// float64 in any order of summation.
  public static let float64 = Rounding(
    unit: 0x1p-53, leastNonzero: .leastNonzeroMagnitude, leastNormal: .leastNormalMagnitude)

  /// `k` roundings one after another change a number by at most this factor less 1: `ku / (1 - ku)`.
  ///
  /// Infinite where the formula does not hold, `ku >= 1`; nothing is proven then.
  func gamma(_ k: Int) -> Double {
    let product = Double(k) * unit
    return product < 1 ? product / (1 - product) : .infinity
  }

  /// The largest error of a sum of `terms` products (and a bias), computed on this side, against an oracle that
  /// computed it in Double.
  ///
  /// Whatever the order, each term passes one rounding for its product and one for each addition above it, at most
  /// `terms` of them with the bias as a leaf. So the error is at most `gamma(terms + 1) * magnitude`.
  ///
  /// - Parameters:
  ///   - extra: further roundings that each term goes through, for example of a scale.
  ///   - magnitude: the sum of the absolute values of all terms.
  package func boundOfSum(terms: Int, bias: Bool = false, extra: Int = 0, magnitude: Double) -> Double {
    let additions = bias ? terms : max(0, terms - 1)
    func error(of side: Rounding) -> Double {
      let growth = side.gamma(min(side.depth ?? additions, additions) + 1 + extra)
      let spread = side.weightDifference * magnitude
      return growth * (magnitude + spread) + spread + Double(2 * terms + 1) * side.leastNonzero * (1 + growth)
    }
    return (error(of: self) + error(of: .float64)) * Rounding.outward(terms)
  }

  /// The size from which on a change of a parameter moves a result by more than rounding explains, whatever the rounding
  /// was.
  ///
  /// The recorded value is within `bound` of the result before the change, and a change of size `d` moves the result by
  /// `effect d`. It also raises the bound by at most `slope d`, and the oracle's error on either side of the comparison
  /// by no more than that each. So the difference is above the new bound if `effect d > 2 bound + 3 slope d`.
  ///
  /// - Parameters:
  ///   - effect: how far the result moves for each unit of the change.
  ///   - slope: how far the bound rises for each unit of the change, at most.
  /// - Returns: infinity if no change is certain to be seen.
  static func visibleChange(bound: Double, effect: Double, slope: Double) -> Double {
    let rate = effect - 3 * slope
    guard rate > 0, bound.isFinite else { return .infinity }
    return 2 * bound / rate * outward(0)
  }

  /// What a bound that was itself computed in Double, by a sum of `terms` terms, is multiplied by to stay above the
  /// exact one.
  static func outward(_ terms: Int) -> Double { 1 + max(0x1p-40, Double(terms + 32) * 0x1p-52) }
}
