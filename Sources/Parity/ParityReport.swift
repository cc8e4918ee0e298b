public import TensorFerryTensors

/// What was compared, how far off it is, what rounding explains, and where it first diverges.
///
/// Every stage is fed the reference's own stage input, so that a difference shows in the stage where it arises and in
/// no other.
public struct ParityReport: Hashable, Sendable {
  /// The model's name and version, for example `AttentionClassifier/1`.
  public let model: String
  /// The path of the reference bundle, if it came from a file.
  public let file: String?
  /// How the file holds the reference.
  public let layout: ReferenceBundle.Layout
  /// How the reference was recorded, as the recorder wrote it.
  public let manifest: JSONValue
  public let caseCount: Int
  /// In forward order.
  public let stages: [StageReport]
  /// Which parameters are proven equal bit for bit, in the model's order; empty if that was not asked for.
  public internal(set) var identity: [ParameterIdentity] = []
  /// What is taken for granted because the reference does not say it, and what its form leaves open.
  public internal(set) var remarks: [String] = []
  /// Hashes of the parameters; empty if the manifest lists none.
  public internal(set) var digests: [ParameterDigest] = []

  /// What the verdict takes for granted, and what speaks for it: A1 to A6.
  public internal(set) var ledger: [Assumption] = []
  /// Whether the differences also keep to tolerances that the user set; nil if none were set.
  public var tolerance: ToleranceReport?
  /// Why stages are refuted; nil if none is, or that was not asked for.
  public var diagnosis: Diagnosis?
  /// What the reference would expose and what it cannot see; nil if that was not asked for.
  public var coverage: Coverage?
  /// Whether both sides choose the same class for each sample; nil if that was not asked for.
  public var decisions: Decisions?
  /// How much of the difference in the output each stage caused; nil if that was not asked for.
  public var budget: Budget?
  /// Which of many corruptions the reference exposes; nil if that was not asked for.
  public var selfTest: SelfTest?
  /// What a check of this report without this library needs beside it; nil if that was not asked for.
  public var proof: Proof?
  /// The attention weights of some samples; empty if that was not asked for, or no stage is a softmax over positions.
  public internal(set) var attention: [AttentionSample] = []

  /// The worst verdict of all stages, or a mismatch if a parameter is proven to be another.
  public var verdict: Verdict {
    identity.contains { $0.different > 0 } ? .mismatchProven : stages.map(\.verdict).max() ?? .inconclusive
  }

  /// The first stage whose differences rounding does not explain, or nil if there is none.
  public var firstDivergence: StageReport? { stages.first { $0.verdict == .mismatchProven } }

  /// Which side is off in the first stage that diverges.
  public var blame: Blame {
    firstDivergence?.blame ?? (identity.contains { $0.different > 0 } ? .reference : .neither)
  }

  /// How many values were compared in all stages.
  public var compared: Int { stages.map(\.compared).reduce(0, +) }
}
