#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The places on an axis that bear a number.
struct Ticks {
  let values: [Double]
  let labels: [String]

  /// Powers of ten, for a scale of common logarithms.
  static func decades(_ domain: ClosedRange<Double>, atMost count: Int = 10) -> Ticks {
    let (first, last) = (Int(domain.lowerBound.rounded(.up)), Int(domain.upperBound.rounded(.down)))
    guard first <= last else { return Ticks(values: [], labels: []) }
    let step = [1, 2, 3, 4, 5, 10, 20, 50, 100].first { (last - first) / $0 < count } ?? 200
    let exponents = (first...last).filter { $0 % step == 0 }
    return Ticks(values: exponents.map(Double.init), labels: exponents.map(power))
  }

  /// Round numbers, for a linear scale.
  static func linear(_ domain: ClosedRange<Double>, atMost count: Int = 8) -> Ticks {
    let width = domain.upperBound - domain.lowerBound
    guard width > 0, width.isFinite else { return Ticks(values: [], labels: []) }
    let magnitude = pow(10, log10(width / Double(count)).rounded(.down))
    let step = magnitude * ([1, 2, 5, 10].first { width / ($0 * magnitude) <= Double(count) } ?? 10)
    guard step > 0, step.isFinite else { return Ticks(values: [], labels: []) }
    let first = Int((domain.lowerBound / step).rounded(.up))
    let values = (0...count).map { Double(first + $0) * step }.filter { $0 <= domain.upperBound }
    return Ticks(values: values, labels: values.map { ParityReport.short($0) })
  }

  /// `1`, `10` or `10⁻⁶`.
  static func power(_ exponent: Int) -> String {
    if exponent == 0 || exponent == 1 { return exponent == 0 ? "1" : "10" }
    let raised: [Character: String] = [
      "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
    ]
    return "10" + String(exponent).map { raised[$0] ?? "" }.joined()
  }
}

/// The common logarithm, and that of the smallest and the largest number for 0 and for infinity.
func decade(_ value: Double) -> Double {
  value > 0 ? log10(min(value, .greatestFiniteMagnitude)) : log10(.leastNonzeroMagnitude)
}
