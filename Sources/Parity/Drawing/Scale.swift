/// Where on paper a number goes: linear, and never outside of its range.
struct Scale {
  let domain: ClosedRange<Double>
  let start: Double
  let end: Double

  /// - Parameter domain: made wider if it has no width.
  init(_ domain: ClosedRange<Double>, from start: Double, to end: Double) {
    self.domain =
      domain.lowerBound < domain.upperBound ? domain : domain.lowerBound - 0.5...domain.upperBound + 0.5
    self.start = start
    self.end = end
  }

  func callAsFunction(_ value: Double) -> Double {
    let clamped = min(max(value, domain.lowerBound), domain.upperBound)
    return start + (clamped - domain.lowerBound) / (domain.upperBound - domain.lowerBound) * (end - start)
  }
}
