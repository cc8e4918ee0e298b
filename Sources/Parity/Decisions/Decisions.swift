public import TensorFerryOperators
internal import TensorFerryTensors

/// Whether PyTorch and this engine choose the same class for each sample, and whether that hangs on rounding.
///
/// The choice is certain if the exact logit of the class is above each other by more than what rounding in a whole pass
/// may do to the two: then it is the choice of every program that rounds so.
public struct Decisions: Hashable, Sendable {
  /// How many samples have a class that no rounding changes, and both sides choose it.
  public internal(set) var equal = 0
  /// How many have logits so close that rounding may decide.
  public internal(set) var ties = 0
  /// How many have a class on one side that rounding does not explain.
  public internal(set) var different = 0
  /// How many have no finite bound or logit.
  public internal(set) var undecided = 0
  /// The smallest margin over its bound among the samples with both: above 1 it is certain.
  public internal(set) var smallestCertainty: Double?
  /// The first samples that differ, as case and index, at most 8.
  public internal(set) var differing: [Sample] = []
  /// Of the samples with the least certainty, in no order; see ``closest``.
  var margins: [Margin] = []
  /// Why no sample is decided, if there is one reason for all.
  public internal(set) var obstacle: String?

  public struct Sample: Hashable, Sendable {
    public let caseName: String
    public let index: Int
    /// The classes that the reference, this engine and the oracle choose.
    public let reference: Int
    public let ours: Int
    public let oracle: Int
  }

  public var total: Int { equal + ties + different + undecided }

  init() {}
}

/// The logits of one sample.
struct SampleLogits {
  let caseName: String
  let index: Int
  let reference: ArraySlice<Float>
  let ours: ArraySlice<Float>
  let oracle: ArraySlice<Double>
  let bound: ArraySlice<Double>
}

extension Decisions {
  mutating func add(_ sample: SampleLogits) {
    let (oracle, bound) = (Array(sample.oracle), Array(sample.bound))
    guard let top = Self.choice(oracle), let reference = Self.choice(sample.reference),
      let ours = Self.choice(sample.ours), bound.allSatisfy(\.isFinite)
    else {
      undecided += 1
      return
    }
    func certainty(over other: Int) -> Double { (oracle[top] - oracle[other]) / (bound[top] + bound[other]) }
    let others = oracle.indices.filter { $0 != top }
    let least = others.map(certainty).min()
    func note(_ outcome: Margin.Outcome) {
      guard let rival = others.min(by: { certainty(over: $0) < certainty(over: $1) }) else { return }
      keep(
        Margin(
          caseName: sample.caseName, index: sample.index, margin: oracle[top] - oracle[rival],
          bound: bound[top] + bound[rival], outcome: outcome))
    }
    if let least { smallestCertainty = min(smallestCertainty ?? .infinity, least) }
    if [reference, ours].contains(where: { $0 != top && certainty(over: $0) > 1 }) {
      different += 1
      note(.different)
      guard differing.count < 8 else { return }
      differing.append(
        Sample(caseName: sample.caseName, index: sample.index, reference: reference, ours: ours, oracle: top))
    } else if least ?? .infinity > 1 {
      equal += 1
      note(.equal)
    } else {
      ties += 1
      note(.tie)
    }
  }

  /// The index of the largest logit, the first of equal ones; nil if one is not finite or there is none.
  private static func choice<Scalar: BinaryFloatingPoint>(_ logits: some Collection<Scalar>) -> Int? {
    guard let first = logits.first, logits.allSatisfy(\.isFinite) else { return nil }
    var (best, index) = (first, 0)
    for (other, logit) in logits.enumerated() where logit > best { (best, index) = (logit, other) }
    return index
  }
}

extension ReferenceBundle {
  /// Judges the choice of a class for each sample of a classifier, end to end.
  ///
  /// - Precondition: the model's output are logits, the classes along the last axis.
  /// - Parameter computed: as in ``verify(_:computed:)``.
  /// - Throws: what ``verify(_:computed:)`` throws.
  public func decisions(of model: some Model, computed: [String: Double] = [:]) throws -> Decisions {
    let verifier = try verifier(of: model, computed: computed)
    let graph = model.graph
    let output = ValueName.stage(graph.output)
    var decisions = Decisions()
    for entry in cases {
      let trace = try trace(of: entry, graph)
      guard let reference = trace.float32[output] else { continue }
      let inputs = trace.float32.filter { if case .input = $0.key { true } else { false } }
      let ours = try graph.evaluate(verifier.float32.merging(inputs) { $1 })[output]!
      let oracle = try graph.evaluate(verifier.float64.merging(inputs.mapValues { try $0.widened() }) { $1 })
      let (bound, unknown) = try graph.boundOfOutput(oracle) { verifier.reference(.float32, $0) }
      if let unknown {
        decisions.obstacle =
          "\(type(of: unknown.operation).id) in stage '\(unknown.name)' does not tell what errors of its operands do"
      }
      if verifier.flushesDenormals { decisions.obstacle = "the reference was recorded with subnormal numbers flushed" }
      let classes = reference.shape.dimensions.last ?? 0
      guard classes > 0 else { continue }
      let (theirs, mine, exact) = (reference.values, ours.values, oracle[output]!.values)
      let bounds =
        decisions.obstacle == nil ? bound?.values ?? [] : [Double](repeating: .infinity, count: exact.count)
      for sample in 0..<reference.count / classes {
        let range = sample * classes..<(sample + 1) * classes
        decisions.add(
          SampleLogits(
            caseName: entry.name, index: sample, reference: theirs[range], ours: mine[range], oracle: exact[range],
            bound: bounds[range]))
      }
    }
    return decisions
  }
}
