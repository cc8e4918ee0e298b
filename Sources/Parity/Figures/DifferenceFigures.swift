internal import TensorFerryOperators
internal import TensorFerryTensors

/// The differences of one certificate, counted in cells: what is needed to draw them, in bounded memory.
public struct DifferenceFigures: Hashable, Sendable {
  /// How many of the worst elements are kept.
  static let kept = 8

  /// Bound and difference of the elements that the bound explains, and of those that it does not.
  public internal(set) var within = LogCells()
  public internal(set) var above = LogCells()
  /// How many elements have no difference at all.
  public internal(set) var exact = 0
  /// How many elements are not finite, or have no finite bound.
  public internal(set) var undecided = 0
  /// How many elements have a difference above their bound.
  public internal(set) var aboveCount = 0
  /// Those of them with the highest utilisation, the highest first.
  public internal(set) var worst: [Certificate.Element] = []
  /// How many elements have a utilisation in each power of 2, by its exponent.
  public internal(set) var utilisations: [Int: Int] = [:]
  /// The differences in standard deviations; nil if no deviations are known.
  public internal(set) var deviations: DeviationHistogram?
  /// The utilisation by row, which stands for all axes but the last, and feature, which is the last.
  public internal(set) var map = CellMap()

  private var rows = 0

  init() {}

  /// - Parameter deviations: the standard deviation that is expected for each element, or nil if none is known.
  mutating func add(_ comparison: Comparison, deviations: [Double]? = nil) {
    let (oracle, bound) = (comparison.oracle.values, comparison.bound.values)
    let features = max(comparison.shape.dimensions.last ?? 1, 1)
    for (offset, value) in comparison.judged.enumerated() {
      let difference = value - oracle[offset]
      let utilisation = Certificate.utilisation(abs(difference), bound[offset])
      map.add(utilisation, row: rows + offset / features, column: offset % features)
      if let deviations, deviations[offset] > 0, difference.isFinite {
        self.deviations = self.deviations ?? DeviationHistogram()
        self.deviations?.add(difference / deviations[offset])
      }
      guard !utilisation.isNaN else {
        undecided += 1
        continue
      }
      guard difference != 0 else {
        exact += 1
        continue
      }
      utilisations[LogCells.exponent(utilisation), default: 0] += 1
      if utilisation > 1 {
        above.add(x: bound[offset], y: abs(difference))
        aboveCount += 1
        keep(utilisation) { comparison.element(offset, utilisation) }
      } else {
        within.add(x: bound[offset], y: abs(difference))
      }
    }
    rows += (comparison.judged.count + features - 1) / features
  }

  private mutating func keep(_ utilisation: Double, _ element: () -> Certificate.Element) {
    guard worst.count < Self.kept || utilisation > worst[worst.count - 1].utilisation else { return }
    let place = worst.firstIndex { $0.utilisation < utilisation } ?? worst.count
    worst.insert(element(), at: place)
    worst = Array(worst.prefix(Self.kept))
  }
}

extension Comparison {
  func element(_ offset: Int, _ utilisation: Double) -> Certificate.Element {
    Certificate.Element(
      caseName: caseName, index: shape.index(of: offset), difference: abs(judged[offset] - oracle[offset]),
      bound: bound[offset], utilisation: utilisation, reference: reference[offset], ours: ours?[offset],
      oracle: oracle[offset])
  }
}
