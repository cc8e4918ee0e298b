extension Decisions {
  /// By how much the class of one sample leads, and how much of that rounding may take.
  public struct Margin: Hashable, Sendable {
    public enum Outcome: String, Sendable { case equal, tie, different }

    public let caseName: String
    public let index: Int
    /// The oracle's logit of the class less that of the class that comes closest, measured by the bounds.
    public let margin: Double
    /// The sum of the bounds of the two.
    public let bound: Double
    public let outcome: Outcome

    /// Above 1 no rounding changes the class.
    public var certainty: Double { margin / bound }
  }

  /// How many margins are kept: those with the least certainty.
  public static let keptMargins = 512

  mutating func keep(_ margin: Margin) {
    margins.append(margin)
    if margins.count >= 2 * Self.keptMargins { margins = closest }
  }

  /// The margins with the least certainty, the least first.
  public var closest: [Margin] {
    let sorted = margins.enumerated().sorted {
      ($0.element.certainty, $0.offset) < ($1.element.certainty, $1.offset)
    }
    return sorted.prefix(Self.keptMargins).map(\.element)
  }
}
