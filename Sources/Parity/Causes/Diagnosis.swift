/// Why stages are refuted: hypotheses that were replayed, and parameters as the reference must have had them.
public struct Diagnosis: Hashable, Sendable {
  /// Of one refuted stage.
  public struct Finding: Hashable, Sendable {
    public let stage: String
    /// Which certificates are refuted.
    public let refuted: [Certificate.Kind]
    /// What was tried: what explains the stage first, with fewer free numbers before more.
    public internal(set) var hypotheses: [Hypothesis] = []
    /// The one explanation, if its rivals are refuted.
    public internal(set) var cause: Hypothesis?
    public internal(set) var tomography: [Tomography] = []
    /// What was not tried, or cannot be told from this reference.
    public internal(set) var notes: [String] = []

    init(_ stage: String, _ refuted: [Certificate.Kind]) {
      self.stage = stage
      self.refuted = refuted
    }

    /// Those that explain the stage; with a cause, it is the first.
    public var explanations: [Hypothesis] { hypotheses.filter(\.explains) }
  }

  /// The most stages that are looked into.
  static let maximumStages = 24

  /// In forward order.
  public internal(set) var findings: [Finding]
  /// Refuted stages that were not looked into.
  public let omitted: [String]

  public var hypotheses: [Hypothesis] { findings.flatMap(\.hypotheses) }
  public var tomography: [Tomography] { findings.flatMap(\.tomography) }
  /// That of the first refuted stage.
  public var cause: Hypothesis? { findings.first?.cause }
  public var isConfident: Bool { cause != nil }

  /// The cause, or what it is undecided between.
  public var sentence: String {
    guard let first = findings.first else { return "nothing was looked into" }
    if let cause = first.cause { return cause.title }
    let explanations = first.explanations
    if explanations.isEmpty { return "unknown: none of \(first.hypotheses.count) hypotheses explains '\(first.stage)'" }
    let shown = explanations.prefix(3).map(\.title).joined(separator: "; or ")
    return explanations.count == 1
      ? "perhaps \(shown)"
      : "undecided between \(explanations.count): \(shown)\(explanations.count > 3 ? "; or others" : "")"
  }
}

extension Diagnosis {
  /// Two stages that each were made with what the other has now are one cause.
  mutating func join() {
    for first in findings.indices {
      for second in findings.indices where second > first {
        guard let one = findings[first].cause, let other = findings[second].cause,
          one.id == "parameter_foreign", other.id == "parameter_foreign", one.parameter != nil,
          one.parameter == other.place, one.place == other.parameter, let left = one.parameter, let right = one.place
        else { continue }
        let shared = left.prefix { $0 != "[" } == right.prefix { $0 != "[" }
        let title =
          shared ? "blocks '\(left)' and '\(right)' are in the wrong order" : "'\(left)' and '\(right)' are swapped"
        for index in [first, second] {
          findings[index].rename(shared ? "row_blocks_permuted" : "tensors_swapped", title, "\(left), \(right)")
        }
      }
    }
  }
}

extension Diagnosis.Finding {
  fileprivate mutating func rename(_ id: String, _ title: String, _ place: String) {
    guard var named = cause, let index = hypotheses.firstIndex(of: named) else { return }
    named.id = id
    named.title = title
    named.place = place
    hypotheses[index] = named
    cause = named
  }
}
