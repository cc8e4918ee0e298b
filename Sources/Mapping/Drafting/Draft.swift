/// A mapping as far as names and shapes tell it, and the questions that they leave.
///
/// Every target is in exactly one of `steps` and `open`. Every source is in a step, is a candidate of a question, or
/// is in `unused`.
public struct Draft: Hashable, Sendable {
  public internal(set) var steps: [DraftStep] = []
  public internal(set) var open: [OpenChoice] = []
  public internal(set) var unused: [String] = []
}

/// One decision: which sources become which targets, and why.
public struct DraftStep: Hashable, Sendable {
  public let targets: [String]
  public let sources: [String]
  public let transforms: [TensorTransform]
  public let reason: String
  /// From 0 to 1. Nothing below ``minimumConfidence`` is a step.
  public let confidence: Double

  public static let minimumConfidence = 0.7
}

/// A target for which the evidence is not enough. Nothing is chosen.
public struct OpenChoice: Hashable, Sendable {
  public struct Candidate: Hashable, Sendable {
    public let sources: [String]
    public let transforms: [TensorTransform]
    public let reason: String
    public let confidence: Double
  }

  public let target: String
  /// Best first.
  public let candidates: [Candidate]
  public let question: String
}
