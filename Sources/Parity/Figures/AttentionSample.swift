internal import TensorFerryOperators
internal import TensorFerryTensors

/// The attention weights of one sample, as the reference recorded them in float32.
public struct AttentionSample: Hashable, Sendable {
  public let stage: String
  public let caseName: String
  /// The place along the first axis.
  public let sample: Int
  /// Whether the element with the highest utilisation of the stage is in this sample.
  public internal(set) var isWorst = false
  /// One row for each head, query or other axis, one column for each position that the weights sum over.
  public let weights: CellMap
}

/// Keeps the attention weights of the first samples and of the worst one, for each softmax over positions.
struct AttentionCollector {
  /// How many of the first samples are kept.
  static let firstCount = 3

  private var first: [String: [AttentionSample]] = [:]
  private var worst: [String: AttentionSample] = [:]

  /// - Parameter reports: of the stages, with this case in them.
  mutating func add(_ trace: ReferenceTrace, _ graph: StageGraph, _ reports: [StageReport]) {
    for (stage, report) in zip(graph.stages, reports) {
      guard let axis = stage.positionsAxis, let values = trace.float32[.stage(stage.name)], values.count > 0 else {
        continue
      }
      func sample(_ number: Int) -> AttentionSample {
        AttentionSample(
          stage: stage.name, caseName: trace.caseName, sample: number, weights: values.weights(of: number, along: axis))
      }
      while first[stage.name, default: []].count < min(Self.firstCount, values.shape[0]) {
        let kept = first[stage.name, default: []]
        let number = kept.last.map { $0.caseName == trace.caseName ? $0.sample + 1 : 0 } ?? 0
        guard number < values.shape[0] else { break }
        first[stage.name, default: []].append(sample(number))
      }
      // The case may hold the worst element so far.
      guard let element = report.deciding.worst, element.caseName == trace.caseName,
        let shape = trace.shapes[stage.name], shape.elementCount == values.count
      else { continue }
      let offset = zip(element.index, shape.dimensions).reduce(0) { $0 * $1.1 + $1.0 }
      worst[stage.name] = sample(offset / (values.count / values.shape[0]))
      worst[stage.name]?.isWorst = true
    }
  }

  /// In the order of the stages, the worst sample of each last.
  func samples(_ graph: StageGraph) -> [AttentionSample] {
    graph.stages.flatMap { stage in
      let worst = worst[stage.name]
      let others = first[stage.name, default: []].filter {
        $0.caseName != worst?.caseName || $0.sample != worst?.sample
      }
      return others + [worst].compactMap { $0 }
    }
  }
}

extension Stage {
  /// The axis along which a softmax within each sample runs; nil for other stages.
  fileprivate var positionsAxis: Int? {
    let axis = (operation as? Softmax)?.axis ?? (operation as? MaskedSoftmax)?.axis ?? 0
    return axis > 0 ? axis : nil
  }
}

extension ArrayView<Float> {
  fileprivate func weights(of sample: Int, along axis: Int) -> CellMap {
    let (positions, inner) = (shape[axis], shape.dimensions[(axis + 1)...].reduce(1, *))
    let size = count / shape[0]
    var map = CellMap(side: 32)
    for offset in 0..<size {
      let row = offset / (positions * inner) * inner + offset % inner
      map.add(Double(self[sample * size + offset]), row: row, column: offset / inner % positions)
    }
    return map
  }
}
