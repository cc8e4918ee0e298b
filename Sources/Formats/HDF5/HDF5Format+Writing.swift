internal import TensorFerryHDF5Reading
public import TensorFerryTensors
internal import TensorFerryThreads

extension HDF5Format {
  /// The name of the profile that is written, the value of the root attribute `format`.
  static let profile = "tensorferry.weights/1"

  /// Writes `tensorferry.weights/1`: see `docs/reference/formats/hdf5.md`.
  ///
  /// libhdf5 writes the metadata and allocates the data; the bytes of tensors are copied straight to their place. A
  /// second thread computes the SHA-256 of the large ones meanwhile, whose attributes are written last.
  public func write(_ state: StateDict, to path: String) throws {
    try checkRepresentable(state, at: path)
    #if LibHDF5
      do {
        let creation = HDF5Creation(attributes: attributes)
        let large = creation.large(in: state)
        let places = try creation.places(for: state, at: path)
        let tensors = large.map(\.tensor.unobserved)
        let hashes = BackgroundTask { try tensors.map { try $0.sha256() } }
        let file = try OutputFile(updating: path)
        for (tensor, offset) in places { try file.write(tensor, at: offset) }
        try file.close()
        if !large.isEmpty { try creation.note(zip(large, try hashes.value()), in: path) }
      } catch let error as HDF5Error {
        throw WeightFileError(.unwritable, error.cause, file: path, format: Self.name, underlying: error)
      }
    #endif
  }

  public static let distinguishesCompositions = false

  public static func problem(ofName name: String) -> String? {
    let isPath = name.utf8.allSatisfy { $0 == UInt8(ascii: ".") }
    guard isPath || name.utf8.contains(UInt8(ascii: "/")) || name.utf8.contains(0) else { return nil }
    return "is empty, consists of dots, or holds '/' or NUL"
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
    #if !LibHDF5
      throw WeightFileError(
        .unsupported, "this build reads HDF5 and has no libhdf5, by which it is written (trait LibHDF5)", file: path,
        format: Self.name)
    #else
      try checkNamesAndTypes(state, at: path)
    #endif
  }

  private func checkNamesAndTypes(_ state: StateDict, at path: String) throws {
    var problems: [String] = []
    // Texts are equal here if they look the same.
    var names: Set<String> = []
    for element in state {
      let name = "'\(element.name.escapedForDisplay)'"
      if let problem = Self.problem(ofName: element.name) { problems.append("the name \(name) \(problem)") }
      if !names.insert(element.name).inserted { problems.append("the name \(name) looks like another one") }
      if element.tensor.dtype.hdf5 == nil { problems.append("\(name) holds \(element.tensor.typeName)") }
    }
    guard problems.isEmpty else {
      throw WeightFileError(
        .unrepresentable, "HDF5 cannot hold \(problems.count) tensors: " + problems.joined(separator: "; "), file: path,
        format: Self.name)
    }
  }
}
