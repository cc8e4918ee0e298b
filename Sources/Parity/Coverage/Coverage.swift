public import TensorFerryTensors

/// Which changes of a model's parameters a reference is certain to expose, and which it cannot see.
///
/// For each element of a parameter this is the size from which on a change of that element alone is refuted at the stage
/// that takes it, whatever the rounding was. What is smaller may show or not.
public struct Coverage: Hashable, Sendable {
  /// The elements of one parameter that one stage takes: all of them, or those of its part of a joint parameter.
  public struct Part: Hashable, Sendable {
    /// The name of the parameter.
    public let parameter: String
    /// The shape of the whole parameter.
    public let shape: Shape
    /// The offsets in row-major order.
    public let elements: Range<Int>
    /// The stage that takes them, where a change is proven.
    public let stage: String
    /// For each element the size from which on a change is certain to be exposed; infinite where none is. Empty if the
    /// stage's operator is not one that this can be said of.
    public internal(set) var changes: [Double]
    /// How many elements have a change of one unit of the last place of their float32 value exposed.
    public internal(set) var withinUlp = 0
    /// The values that expose the changes: the reference's float64 values, or its float32 values. Nil if there are none.
    public internal(set) var certificate: Certificate.Kind?
    /// The changes in units of the last place of the elements' own values, row by row; infinite where none is exposed.
    /// Empty if ``changes`` is.
    public internal(set) var relative = CellMap()
    /// Whether a change may reach the model's output in some case.
    public internal(set) var influencesOutput = false
    /// Why no change reaches the output, or which elements no change of which is exposed, with what would help.
    public internal(set) var gaps: [Gap] = []
    /// Which elements have a change exposed by probes, and none by the recorded cases.
    public internal(set) var shownByProbes: [Gap] = []
    /// Which elements have a change exposed, but not one as small as one unit of their last place, and why.
    public internal(set) var beyondUlp: [Gap] = []

    /// How many elements have some change exposed.
    public var exposed: Int { changes.count { $0.isFinite } }
  }

  /// What a reference cannot see, or not all of it.
  public struct Gap: Hashable, Sendable {
    /// How many elements it concerns.
    public let count: Int
    public let reason: String
    /// What to add to the reference; nil if nothing helps.
    public let remedy: String?
  }

  /// In the order of the stages.
  public let parts: [Part]

  public var elementCount: Int { parts.map(\.elements.count).reduce(0, +) }
  public var exposed: Int { parts.map(\.exposed).reduce(0, +) }
  public var withinUlp: Int { parts.map(\.withinUlp).reduce(0, +) }
  /// The parts of which some element has no change exposed.
  public var blind: [Part] { parts.filter { $0.exposed < $0.elements.count } }
  /// The parts that influence no output, whatever their values are.
  public var invisible: [Part] { parts.filter { !$0.influencesOutput } }

  /// The sizes of the changes that are exposed.
  public var quantiles: Quantiles? { Quantiles(parts.flatMap(\.changes)) }

  /// Of the finite ones among some numbers.
  public struct Quantiles: Hashable, Sendable {
    public let median: Double
    public let p99: Double
    public let largest: Double

    init?(_ numbers: [Double]) {
      let sorted = numbers.filter(\.isFinite).sorted()
      guard let largest = sorted.last else { return nil }
      median = sorted[(sorted.count - 1) / 2]
      p99 = sorted[(sorted.count * 99 + 99) / 100 - 1]
      self.largest = largest
    }
  }
}
