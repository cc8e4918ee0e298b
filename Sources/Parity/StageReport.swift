internal import TensorFerryOperators
public import TensorFerryTensors

/// What the comparison of one stage has shown, over all cases.
public struct StageReport: Hashable, Sendable {
  public let name: String
  /// The shape of the stage's values in the first case that has them, as recorded.
  public internal(set) var shape: Shape?
  /// In the order weights, reference, engine.
  public internal(set) var certificates = Certificate.Kind.allCases.map(Certificate.init)
  /// Whether our float32 values are those of the reference bit for bit.
  public internal(set) var isIdentical = true
  /// How many of our float32 values are those of the reference bit for bit.
  public internal(set) var equalBits = 0
  /// What evidence is missing in float32; any makes the stage inconclusive.
  public internal(set) var gaps: [String] = []
  /// What evidence is missing in float64; any makes the stage at most explained.
  public internal(set) var notes: [String] = []
  /// What the bounds allow for beside the rounding of the stage.
  public internal(set) var allowances: [String] = []
  /// The stages before it that are not recorded in some case, and were judged together with it there.
  public internal(set) var span: [String] = []
  /// The most additions that one term of a sum went through in the reference, if that was probed.
  public internal(set) var depth: Int?

  init(_ name: String) { self.name = name }

  /// Counts the float32 values that are equal bit for bit.
  mutating func count(_ recorded: ArrayView<Float>, _ ours: ArrayView<Float>) {
    let equal = zip(recorded.values, ours.values).count { $0.bitPattern == $1.bitPattern }
    equalBits += equal
    isIdentical = isIdentical && equal == recorded.count
  }

  subscript(kind: Certificate.Kind) -> Certificate {
    get { certificates[Certificate.Kind.allCases.firstIndex(of: kind)!] }
    set { certificates[Certificate.Kind.allCases.firstIndex(of: kind)!] = newValue }
  }

  public var verdict: Verdict {
    if certificates.contains(where: \.isRefuted) { return .mismatchProven }
    guard gaps.isEmpty, self[.reference].holds, self[.engine].holds else { return .inconclusive }
    if notes.isEmpty { return self[.weights].holds ? parity : .inconclusive }
    // Some cases lack float64; what there is must hold.
    return self[.weights].compared == 0 || self[.weights].holds ? .explained : .inconclusive
  }

  /// The verdict where every certificate holds.
  private var parity: Verdict {
    if isIdentical { return .identical }
    return certificates.allSatisfy(\.scores.isTypical) ? .typical : .explained
  }

  public var blame: Blame {
    Blame(
      reference: self[.weights].isRefuted || self[.reference].isRefuted, engine: self[.engine].isRefuted)
  }

  /// The certificate with the worst utilisation.
  public var deciding: Certificate {
    var deciding = self[.weights]
    for certificate in certificates where certificate.worst != nil {
      if deciding.worst == nil || Certificate.isWorse(certificate.utilisation, than: deciding.utilisation) {
        deciding = certificate
      }
    }
    return deciding
  }

  /// How many values of the stage were compared.
  public var compared: Int { certificates.map(\.compared).max() ?? 0 }

  /// Why the stage is inconclusive, or what it could not show.
  public var remarks: [String] {
    var remarks = gaps + notes + allowances
    if gaps.isEmpty, compared == 0 { remarks.append("there are no values to compare") }
    for certificate in certificates where certificate.compared > 0 && certificate.utilisation.isNaN {
      remarks.append(
        certificate.nonfinite > 0
          ? "\(certificate.nonfinite) of \(certificate.compared) values are not finite (\(certificate.kind.rawValue))"
          : "no finite bound exists for some values (\(certificate.kind.rawValue))")
    }
    return remarks + unusual
  }
}
