/// Bounds that are computed in Double and stay above the exact ones.
enum Outward {
  /// `k u / (1 - k u)`, rounded up; infinite where that does not hold.
  ///
  /// - Precondition: `k` is at most 2^40.
  static func gamma(_ k: Int, _ unit: Double = 0x1p-53) -> Double {
    precondition(k <= 1 << 40)
    let product = Double(k) * unit
    return product < 1 ? product / (1 - product) * (1 + 0x1p-40) : .infinity
  }

  /// A number that was added up from `terms` products of numbers that are not negative, raised above the exact sum.
  static func sum(_ value: Double, terms: Int) -> Double { value * (1 + max(0x1p-40, Double(terms + 32) * 0x1p-51)) }
}
