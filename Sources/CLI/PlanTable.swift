internal import TensorFerry

extension MappingPlan {
  /// One row for each tensor of the result: its name, type, shape and bytes, what it is made of, and how.
  var table: String {
    let rows = assignments.map { assignment in
      let type = assignment.type
      let sources = assignment.step.sources.prefix(4).map(\.escapedForDisplay).joined(separator: ", ")
      let more = assignment.step.sources.count > 4 ? ", ... (\(assignment.step.sources.count))" : ""
      let bytes = (try? type.dtype.byteCount(of: type.shape.elementCount)).map(String.init) ?? "-"
      return [
        "", "  " + assignment.target.escapedForDisplay, type.dtype.rawValue, type.shape.description, bytes,
        sources.isEmpty ? "" : "<- \(sources)\(more)", assignment.step.operations,
      ]
    }
    return Table(rows: rows, rightAligned: [4]).text
  }
}
