internal import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// The right class of each sample, by the name of the case.
  ///
  /// - Parameter given: of all samples; nil for those in the bundle, which not every case needs to have.
  func labels(_ given: [Int64]?, _ graph: StageGraph) throws -> [String: [Int64]] {
    var counts: [(entry: Case, samples: Int, classes: Int)] = []
    for entry in cases {
      let output = try checkedShapes(of: entry, graph)[.stage(graph.output)]!
      let classes = output.dimensions.last ?? 0
      counts.append((entry, classes > 0 ? output.elementCount / classes : 0, classes))
    }
    if let given {
      let samples = counts.map(\.samples).reduce(0, +)
      guard given.count == samples else {
        throw invalid("there are \(given.count) labels for \(samples) samples", nil)
      }
    }
    var labels: [String: [Int64]] = [:]
    var start = 0
    for (entry, samples, classes) in counts {
      let values: [Int64]
      if let given {
        values = Array(given[start..<start + samples])
        start += samples
      } else {
        guard let tensor = entry.labels else { continue }
        guard tensor.shape.rank == 1, tensor.shape[0] == samples else {
          throw invalid("there are labels of shape \(tensor.shape) for \(samples) samples", entry)
        }
        values = try tensor.read().integers()
      }
      if let index = values.firstIndex(where: { $0 < 0 || $0 >= classes }) {
        throw invalid("label \(values[index]) of sample \(index) is none of the classes 0 to \(classes - 1)", entry)
      }
      labels[entry.name] = values
    }
    return labels
  }

  private func invalid(_ reason: String, _ entry: Case?) -> ParityError {
    ParityError(.invalidLabels, reason, file: file, tensor: entry.map { "cases.\($0.name).labels" })
  }
}
