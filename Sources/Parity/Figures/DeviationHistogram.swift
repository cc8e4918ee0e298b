/// How often a difference is so many of its standard deviations, from -16 to 16 in steps of a quarter.
public struct DeviationHistogram: Hashable, Sendable {
  public static let limit = 16.0
  public static let width = 0.25

  /// From the left; the first and the last hold whatever is further out as well.
  public private(set) var counts = [Int](repeating: 0, count: Int(2 * limit / width))
  public private(set) var total = 0

  public init() {}

  package mutating func add(_ deviation: Double) {
    guard !deviation.isNaN else { return }
    let bin = ((min(max(deviation, -Self.limit), Self.limit) + Self.limit) / Self.width).rounded(.down)
    counts[min(Int(bin), counts.count - 1)] += 1
    total += 1
  }

  package mutating func add(_ other: DeviationHistogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    total += other.total
  }
}
