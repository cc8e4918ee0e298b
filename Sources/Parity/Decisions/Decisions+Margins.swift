extension Decisions {
  /// By how much the class of one sample leads, and how much of that rounding may take.
  public struct Margin: Hashable, Sendable {
    public enum Outcome: String, Sendable { case equal, exact, tie, different }

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

extension SampleLogits {
  /// The margin over the class that comes closest; nil if there is no other class or no finite bound.
  func margin(_ outcome: Decisions.Margin.Outcome) -> Decisions.Margin? {
    guard let top = Decisions.choice(oracle), bound.allSatisfy(\.isFinite),
      let rival = (0..<oracle.count).filter({ $0 != top }).min(by: {
        certainty(of: top, over: $0, bound) < certainty(of: top, over: $1, bound)
      })
    else { return nil }
    func at(_ values: ArraySlice<Double>, _ index: Int) -> Double { values[values.startIndex + index] }
    return Decisions.Margin(
      caseName: caseName, index: index, margin: at(oracle, top) - at(oracle, rival),
      bound: at(bound, top) + at(bound, rival),
      outcome: outcome)
  }
}
