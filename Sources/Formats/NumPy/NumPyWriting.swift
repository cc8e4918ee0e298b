internal import TensorFerryTensors

/// What writing `.npy` and writing `.npz` share.
enum NumPyWriting {
  /// The header of each tensor's array.
  ///
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` that names every tensor numpy cannot hold, and why.
  static func headers(
    of state: StateDict, voidTypes: VoidTypes, format: String, path: String, problem: (String) -> String? = { _ in nil }
  ) throws -> [[UInt8]] {
    var problems: [String] = []
    // Texts are equal here if they look the same, and zip archives are read so.
    var names: Set<String> = []
    var headers: [[UInt8]] = []
    for element in state {
      let (dtype, shape) = (element.tensor.dtype, element.tensor.shape)
      let descr = NumPyElementType.descr(of: dtype, voidTypes: voidTypes)
      let found = [
        problem(element.name),
        names.insert(element.name).inserted ? nil : "the name looks like another one",
        descr == nil ? "numpy has no type for \(dtype.rawValue)" : nil,
        shape.rank > NumPyLimits.rank ? "\(shape.rank) dimensions, numpy has at most \(NumPyLimits.rank)" : nil,
      ].compactMap { $0 }
      problems += found.map { "'\(element.name.escapedForDisplay)': \($0)" }
      if let descr, found.isEmpty { headers.append(NumPyHeader.bytes(descr: descr, shape: shape)) }
    }
    guard problems.isEmpty else {
      throw WeightFileError(.unrepresentable, problems.joined(separator: "; "), file: path, format: format)
    }
    return headers
  }

  /// What neither holds: metadata and sharing.
  static func losses(of state: StateDict) -> [String] {
    state.metadata.map { "the metadata '\($0.key.escapedForDisplay)' is not kept" }
      + state.compactMap { element in
        element.aliasOf.map {
          "'\(element.name.escapedForDisplay)' becomes a copy of '\($0.escapedForDisplay)', whose storage it shares"
        }
      }
  }
}
