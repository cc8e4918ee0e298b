/// A mapping as far as names and shapes tell it, and the questions that they leave.
///
/// Every target is in exactly one of `steps` and `open`. Every source is in a step, is a candidate of a question, or
/// is in `unused`.
package struct Draft: Hashable, Sendable {
  package var steps: [DraftStep] = []
  package var open: [OpenChoice] = []
  package var unused: [String] = []
}

/// One decision: which sources become which targets, and why.
package struct DraftStep: Hashable, Sendable {
  package let targets: [String]
  package let sources: [String]
  package let transforms: [DraftTransform]
  package let reason: String
  /// From 0 to 1. Nothing below ``minimumConfidence`` is a step.
  package let confidence: Double

  package static let minimumConfidence = 0.7
}

/// A target for which the evidence is not enough. Nothing is chosen.
package struct OpenChoice: Hashable, Sendable {
  package struct Candidate: Hashable, Sendable {
    package let sources: [String]
    package let transforms: [DraftTransform]
    package let reason: String
    package let confidence: Double
  }

  package let target: String
  /// Best first.
  package let candidates: [Candidate]
  package let question: String
}
