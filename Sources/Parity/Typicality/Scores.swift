internal import TensorFerryOperators
internal import TensorFerryTensors

/// Differences in units of what rounding does as a rule: each over the standard deviation that its operator gives it.
///
/// They warn, and refute nothing: the deviations come from a model of random roundings.
public struct Scores: Hashable, Sendable {
  /// From how many standard deviations on a difference is unusual.
  ///
  /// Of 3.5 million differences of PyTorch and of this engine, over all operators, none was above 6, while rounding the
  /// weights of a layer to bfloat16 makes differences of hundreds. A large stage has more values, and the tail of sums
  /// over random walks falls only exponentially, so there is room above what was seen.
  public static let threshold = 10.0

  /// An element of a stage.
  public struct Element: Hashable, Sendable {
    public let caseName: String
    /// The index in the reference's shape.
    public let index: [Int]
    /// NaN where a value is not finite; infinite for a difference where nothing is rounded.
    public let score: Double
  }

  /// How many values have a score.
  public internal(set) var count = 0
  private var sumOfSquares = 0.0
  /// The element that is off most; NaN comes before all others.
  public internal(set) var largest: Element?
  /// Whether the deviation of every value that was compared is known.
  public internal(set) var isComplete = true

  init() {}

  /// The root of the mean square, or nil if that of some values is not known.
  public var rms: Double? { isComplete && count > 0 ? (sumOfSquares / Double(count)).squareRoot() : nil }

  /// The largest of all, or nil if that of some values is not known.
  public var max: Double? { isComplete ? largest?.score : nil }

  /// Whether all are known and none is unusual. A NaN is not typical.
  public var isTypical: Bool { max.map { $0 <= Self.threshold } ?? false }

  mutating func add(_ comparison: Comparison) {
    guard !comparison.judged.isEmpty else { return }
    guard let deviations = comparison.deviation?.values else {
      isComplete = false
      return
    }
    let oracle = comparison.oracle.values
    var (current, worstOffset) = (largest?.score ?? -1, Int?.none)
    for (offset, value) in comparison.judged.enumerated() {
      let score = Self.score(abs(value - oracle[offset]), deviations[offset])
      sumOfSquares += score * score
      // Not `max`: a NaN must stay.
      if !(score <= current), !current.isNaN {
        current = score
        worstOffset = offset
      }
    }
    count += comparison.judged.count
    guard let offset = worstOffset else { return }
    largest = Element(caseName: comparison.caseName, index: comparison.shape.index(of: offset), score: current)
  }

  private static func score(_ difference: Double, _ deviation: Double) -> Double {
    guard difference.isFinite, deviation.isFinite else { return .nan }
    return difference == 0 ? 0 : difference / deviation
  }
}

extension Scores {
  var members: [JSONValue.Member] {
    [.init("z_max", max.map { .number($0) } ?? .null), .init("z_rms", rms.map { .number($0) } ?? .null)]
  }
}

extension StageReport {
  /// What keeps a stage whose certificates hold from being typical.
  var unusual: [String] {
    certificates.filter(\.holds).compactMap { certificate in
      if let largest = certificate.scores.largest, certificate.scores.isComplete, !certificate.scores.isTypical {
        return "unusual for rounding: \(ParityReport.short(largest.score)) deviations in case \(largest.caseName), "
          + "element \(largest.index) (\(certificate.kind.rawValue))"
      }
      // Computed weights, and stages that are not recorded, are told of anyway.
      guard !certificate.scores.isComplete, allowances.isEmpty, span.isEmpty else { return nil }
      return "what is usual for its rounding is not known (\(certificate.kind.rawValue))"
    }
  }
}

extension ParityReport {
  /// Of all stages, for a text.
  var largestScore: String {
    Self.short(stages.flatMap(\.certificates).compactMap(\.scores.max).max() ?? 0)
  }
}
