/// Whether PyTorch and this engine choose the same class for each sample, and whether that hangs on rounding.
///
/// The choice is certain if the exact logit of the class is above each other by more than what rounding in a whole pass
/// may do to the two: then it is the choice of every program that rounds so. Where float32 rounding may do too much for
/// that, the oracle, which rounds 2^29 times less, often still tells which class exact arithmetic gives.
public struct Decisions: Hashable, Sendable {
  /// How many samples have a class that no rounding changes, and both sides choose it.
  public internal(set) var equal = 0
  /// How many have a class that exact arithmetic gives, for certain, and both sides choose it, although other float32
  /// programs may not, as far as the bounds tell.
  public internal(set) var exact = 0
  /// How many have logits so close that rounding may decide.
  public internal(set) var ties = 0
  /// How many have a class on one side that rounding does not explain.
  public internal(set) var different = 0
  /// How many have no finite bound or logit.
  public internal(set) var undecided = 0
  /// How many have another class on one side than on the other, whatever the reason.
  public internal(set) var disagreeing = 0
  /// The smallest margin over its bound among the samples with both: above 1 it is certain.
  public internal(set) var smallestCertainty: Double?
  /// The first samples that differ, as case and index, at most 8.
  public internal(set) var differing: [Sample] = []
  /// Of the samples with the least certainty, in no order; see ``closest``.
  var margins: [Margin] = []
  /// Why float32 bounds decide no sample, if there is one reason for all.
  public internal(set) var obstacle: String?
  /// How often the classes are the right ones; nil without labels.
  public internal(set) var accuracy: Accuracy?

  public struct Sample: Hashable, Sendable {
    public let caseName: String
    public let index: Int
    /// The classes that the reference, this engine and the oracle choose.
    public let reference: Int
    public let ours: Int
    public let oracle: Int
  }

  public var total: Int { equal + exact + ties + different + undecided }

  init() {}
}

/// The logits of one sample.
struct SampleLogits {
  let caseName: String
  let index: Int
  let reference: ArraySlice<Float>
  let ours: ArraySlice<Float>
  let oracle: ArraySlice<Double>
  /// How far a float32 pass may be from the oracle.
  let bound: ArraySlice<Double>
  /// How far exact arithmetic may be from the oracle.
  let exactBound: ArraySlice<Double>
  let label: Int64?
}

extension SampleLogits {
  /// The oracle's class, with its least margin over the others in terms of a bound; infinite if there is no other class.
  func top(_ bound: ArraySlice<Double>) -> (index: Int, certainty: Double)? {
    guard let top = Decisions.choice(oracle), bound.allSatisfy(\.isFinite) else { return nil }
    let least = (0..<oracle.count).filter { $0 != top }.map { certainty(of: top, over: $0, bound) }.min()
    return (top, least ?? .infinity)
  }

  func certainty(of top: Int, over other: Int, _ bound: ArraySlice<Double>) -> Double {
    func at(_ values: ArraySlice<Double>, _ index: Int) -> Double { values[values.startIndex + index] }
    return (at(oracle, top) - at(oracle, other)) / (at(bound, top) + at(bound, other))
  }
}

extension Decisions {
  mutating func add(_ sample: SampleLogits) {
    let (reference, ours) = (Self.choice(sample.reference), Self.choice(sample.ours))
    let certified = judge(sample, reference, ours)
    if reference != ours { disagreeing += 1 }
    if let label = sample.label {
      accuracy = accuracy ?? Accuracy()
      accuracy?.add(label: label, sample, certified: certified)
    }
  }

  /// Returns the class that both sides choose for certain, if there is one.
  private mutating func judge(_ sample: SampleLogits, _ reference: Int?, _ ours: Int?) -> Int? {
    func note(_ outcome: Margin.Outcome) {
      if let margin = sample.margin(outcome) { keep(margin) }
    }
    guard let reference, let ours else {
      undecided += 1
      return nil
    }
    let single = sample.top(sample.bound)
    if let single {
      if single.certainty.isFinite { smallestCertainty = min(smallestCertainty ?? .infinity, single.certainty) }
      let isRefuted = [reference, ours].contains {
        $0 != single.index && sample.certainty(of: single.index, over: $0, sample.bound) > 1
      }
      if isRefuted {
        different += 1
        note(.different)
        guard differing.count < 8 else { return nil }
        differing.append(
          Sample(
            caseName: sample.caseName, index: sample.index, reference: reference, ours: ours, oracle: single.index))
        return nil
      }
      if single.certainty > 1 {
        equal += 1
        note(.equal)
        return single.index
      }
    }
    if let double = sample.top(sample.exactBound), double.certainty > 1, reference == double.index, ours == reference {
      exact += 1
      note(.exact)
      return double.index
    }
    if single == nil { undecided += 1 } else { ties += 1 }
    note(.tie)
    return nil
  }

  /// The index of the largest logit, the first of equal ones; nil if one is not finite or there is none.
  static func choice<Scalar: BinaryFloatingPoint>(_ logits: some Collection<Scalar>) -> Int? {
    guard let first = logits.first, logits.allSatisfy(\.isFinite) else { return nil }
    var (best, index) = (first, 0)
    for (other, logit) in logits.enumerated() where logit > best { (best, index) = (logit, other) }
    return index
  }
}
