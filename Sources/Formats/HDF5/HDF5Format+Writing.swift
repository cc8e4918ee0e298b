internal import TensorFerryHDF5
public import TensorFerryTensors

extension HDF5Format {
  /// The name of the profile that is written, the value of the root attribute `format`.
  static let profile = "tensorferry.weights/1"

  /// Tensors from this size on begin at a multiple of ``largeAlignment``, so that file systems can share their pages.
  private static let largeByteCount = 1 << 20
  private static let largeAlignment: UInt64 = 4096
  private static let alignment: UInt64 = 64

  /// Writes `tensorferry.weights/1`: see `docs/reference/formats/hdf5.md`.
  ///
  /// libhdf5 writes the metadata and allocates the data; the bytes of tensors are copied straight to their place. A
  /// second thread computes the SHA-256 of the large ones meanwhile, whose attributes are written last.
  public func write(_ state: StateDict, to path: String) throws {
    try checkRepresentable(state, at: path)
    do {
      var places = try create(state, at: path)
      let large = state.filter(Self.isLarge)
      if !large.isEmpty { places += try allocate(large, in: path) }
      let tensors = large.map(\.tensor.unobserved)
      let hashes = BackgroundTask { try tensors.map { try $0.sha256() } }
      let file = try OutputFile(updating: path)
      for (tensor, offset) in places { try file.write(tensor, at: offset) }
      try file.close()
      if !large.isEmpty { try note(zip(large, try hashes.value()), in: path) }
    } catch let error as HDF5Error {
      throw WeightFileError(.unwritable, error.cause, file: path, format: Self.name, underlying: error)
    }
  }

  public static let distinguishesCompositions = false

  public static func problem(ofName name: String) -> String? {
    let isPath = name.utf8.allSatisfy { $0 == UInt8(ascii: ".") }
    guard isPath || name.utf8.contains(UInt8(ascii: "/")) || name.utf8.contains(0) else { return nil }
    return "is empty, consists of dots, or holds '/' or NUL"
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
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

  /// Creates all objects in order and allocates the small tensors; returns where those begin.
  private func create(_ state: StateDict, at path: String) throws -> [(LazyTensor, UInt64)] {
    let options = HDF5FileOptions(tracksCreationOrder: true, alignment: Self.alignment)
    return try HDF5File.create(at: path, options: options) { file in
      try file.setAttribute("format", .strings([Self.profile]))
      for (name, value) in attributes { try file.setAttribute(name, .strings([value])) }
      let metadata = state.metadata.filter { member in !attributes.contains { $0.name == member.key } }
      if !metadata.isEmpty { try file.setAttribute("metadata", .strings([JSONValue.object(metadata).text()])) }

      var places: [(LazyTensor, UInt64)] = []
      for element in state {
        if let owner = element.aliasOf {
          try file.createHardLink(element.name, to: owner)
          continue
        }
        guard let type = element.tensor.dtype.hdf5 else { continue }
        let dataset = try file.createDataset(
          element.name, type, dimensions: element.tensor.shape.dimensions.map(UInt64.init),
          options: HDF5DatasetOptions(
            layout: Self.isLarge(element) ? .contiguous : .contiguousAllocatedEarly, tracksAttributeOrder: true))
        if DType.taggedBytes.contains(element.tensor.dtype) {
          try dataset.setAttribute("dtype", .strings([element.tensor.dtype.rawValue]))
        }
        if Self.isLarge(element) { continue }
        try dataset.setAttribute("sha256", .strings([element.tensor.unobserved.sha256()]))
        if element.tensor.byteCount > 0 {
          places.append((element.tensor, try Self.offset(of: dataset)))
        }
      }
      return places
    }
  }

  /// Allocates the large tensors; HDF5 has one alignment for an open file, so the file is opened again.
  private func allocate(_ large: [StateDict.Element], in path: String) throws -> [(LazyTensor, UInt64)] {
    let options = HDF5FileOptions(alignment: Self.largeAlignment, alignmentThreshold: UInt64(Self.largeByteCount))
    return try HDF5File.update(at: path, options: options) { file in
      try large.map { element in
        let dataset = try file.dataset(element.name)
        // Writing one element allocates all of them.
        let zeros = [UInt8](repeating: 0, count: element.tensor.dtype.bitWidth / 8)
        let rank = element.tensor.shape.rank
        let first = HDF5Hyperslab(start: .init(repeating: 0, count: rank), count: .init(repeating: 1, count: rank))
        try dataset.write(bytes: zeros, to: first)
        return (element.tensor, try Self.offset(of: dataset))
      }
    }
  }

  /// Adds the hashes of the large tensors.
  private func note(_ hashes: some Sequence<(StateDict.Element, String)>, in path: String) throws {
    try HDF5File.update(at: path) { file in
      for (element, hash) in hashes { try file.dataset(element.name).setAttribute("sha256", .strings([hash])) }
    }
  }

  private static func isLarge(_ element: StateDict.Element) -> Bool {
    element.aliasOf == nil && element.tensor.byteCount >= largeByteCount
  }

  private static func offset(of dataset: borrowing HDF5Dataset) throws -> UInt64 {
    guard let offset = try dataset.fileOffset() else {
      throw WeightFileError(
        .unwritable, "libhdf5 allocated no space for it", format: name, place: .object(dataset.path))
    }
    return offset
  }
}
