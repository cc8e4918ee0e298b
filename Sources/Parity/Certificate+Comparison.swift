internal import TensorFerryOperators
internal import TensorFerryTensors

/// The values of one stage in one case, all in the same order.
struct Comparison {
  let caseName: String
  /// The shape as the reference recorded it.
  let shape: Shape
  /// What is judged: the reference's values or ours.
  let judged: [Double]
  let oracle: ArrayView<Double>
  let bound: ArrayView<Double>
  /// What is usual for the difference; nil if that is not known.
  var deviation: ArrayView<Double>?
  let reference: [Double]
  let ours: [Double]?
  /// What `bound` is made of; nil if it is that of several stages.
  let rounding: Rounding?
}

extension Certificate {
  mutating func compare(_ comparison: Comparison) {
    let (oracle, bound) = (comparison.oracle.values, comparison.bound.values)
    var current = worst?.utilisation ?? -1
    var worstOffset: Int?
    for (offset, value) in comparison.judged.enumerated() {
      let difference = abs(value - oracle[offset])
      let utilisation = Self.utilisation(difference, bound[offset])
      if difference.isFinite {
        largestDifference = max(largestDifference, difference)
      } else {
        nonfinite += 1
      }
      if !(utilisation <= current), Self.isWorse(utilisation, than: current) {
        current = utilisation
        worstOffset = offset
      }
    }
    compared += comparison.judged.count
    scores.add(comparison)
    rounding = comparison.rounding
    figures?.add(comparison, deviations: comparison.deviation?.values)
    guard let offset = worstOffset else { return }
    worst = comparison.element(offset, current)
  }

  /// NaN, which is never a pass, unless both numbers are finite: without a finite bound nothing is proven, and a value
  /// that is not finite may be an overflow, which the bound does not speak of.
  static func utilisation(_ difference: Double, _ bound: Double) -> Double {
    guard difference.isFinite, bound.isFinite else { return .nan }
    return difference == 0 ? 0 : difference / bound
  }
}

extension Shape {
  /// The index of an element from its offset in row-major order.
  func index(of offset: Int) -> [Int] {
    var rest = offset
    var index: [Int] = []
    for dimension in dimensions.reversed() {
      index.append(rest % dimension)
      rest /= dimension
    }
    return index.reversed()
  }
}
