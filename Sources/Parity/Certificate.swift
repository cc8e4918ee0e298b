public import TensorFerryOperators

/// One of the three comparisons of a stage with the oracle, which runs in Double on the reference's own stage inputs.
public struct Certificate: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// The reference's float64 values: they prove the weights and the stage list.
    case weights
    /// The reference's float32 values: they prove its arithmetic.
    case reference
    /// Our float32 values: they prove this engine.
    case engine
  }

  /// An element of a stage.
  public struct Element: Hashable, Sendable {
    /// The name of the case in the bundle, for example `0000`.
    public let caseName: String
    /// The index in the reference's shape.
    public let index: [Int]
    /// The difference between the judged value and the oracle.
    public let difference: Double
    /// The largest difference that rounding explains.
    public let bound: Double
    /// `difference / bound`: above 1 rounding does not explain it; NaN if one of the values is not finite.
    public let utilisation: Double
    public let reference: Double
    /// Our float32 value, or nil where the float32 values were not recorded.
    public let ours: Double?
    public let oracle: Double
  }

  public let kind: Kind
  /// How many values were compared.
  public internal(set) var compared = 0
  /// How many of them are not finite on either side.
  public internal(set) var nonfinite = 0
  /// The largest finite difference.
  public internal(set) var largestDifference = 0.0
  /// The element with the highest utilisation; one above 1 ranks before NaN, and NaN before all others. Nil if
  /// nothing was compared.
  public internal(set) var worst: Element?

  /// The differences in units of what is usual.
  public internal(set) var scores = Scores()
  /// How the judged side rounds, of which the bounds are made; nil if nothing was compared.
  public internal(set) var rounding: Rounding?
  /// What is needed to draw the differences; nil if that was not asked for.
  public internal(set) var figures: DifferenceFigures?

  init(_ kind: Kind) { self.kind = kind }

  /// The highest utilisation, or NaN if nothing was compared or some comparison decides nothing.
  public var utilisation: Double { worst?.utilisation ?? .nan }

  /// True if a difference is more than rounding can explain.
  public var isRefuted: Bool { utilisation > 1 }

  /// True if values were compared and rounding explains every difference. A NaN explains nothing.
  public var holds: Bool { compared > 0 && utilisation <= 1 }
}

extension Certificate {
  /// How bad a utilisation is, for finding the worst: by group first, then by size.
  static func isWorse(_ utilisation: Double, than other: Double) -> Bool {
    func group(_ value: Double) -> Int { value > 1 ? 2 : value.isNaN ? 1 : 0 }
    let (left, right) = (group(utilisation), group(other))
    return left != right ? left > right : utilisation > other
  }
}
