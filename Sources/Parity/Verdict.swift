/// What the comparison of a stage, or of a whole model, has shown; a worse verdict is a greater one.
public enum Verdict: String, CaseIterable, Comparable, Sendable {
  /// Our float32 values are those of the reference bit for bit, and every certificate holds.
  case identical = "IDENTICAL"
  /// Every difference is of the usual size for rounding.
  case typical = "TYPICAL"
  /// Every difference is within what rounding can explain.
  case explained = "EXPLAINED"
  /// The evidence is missing or not finite: neither parity nor its opposite is shown.
  case inconclusive = "INCONCLUSIVE"
  /// At least one difference is more than rounding can explain.
  case mismatchProven = "MISMATCH_PROVEN"

  /// True for the verdicts that mean parity.
  public var isParity: Bool { self < .inconclusive }

  public static func < (left: Verdict, right: Verdict) -> Bool { left.severity < right.severity }

  private var severity: Int { Self.allCases.firstIndex(of: self)! }
}

/// Which side rounding does not explain.
public enum Blame: String, CaseIterable, Sendable {
  case neither
  /// The reference was not produced by these weights in this arithmetic.
  case reference
  /// Our engine does not compute what the stages say.
  case engine
  case both

  init(reference: Bool, engine: Bool) {
    self = reference ? (engine ? .both : .reference) : (engine ? .engine : .neither)
  }

  var sentence: String {
    switch self {
    case .neither: "no side is off"
    case .reference: "the reference was not produced by these weights in this arithmetic"
    case .engine: "this engine does not compute what the stages say"
    case .both: "the reference was not produced by these weights, and this engine is off as well"
    }
  }
}
