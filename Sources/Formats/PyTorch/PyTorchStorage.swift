internal import TensorFerryTensors

/// What a pickle says of a storage: `('storage', class, key, device, number of elements)`.
struct PyTorchStorageID: Hashable, Sendable {
  let type: PyTorchGlobal.StorageType
  /// Its name in the file.
  let key: String
  /// The number of elements of its class; of an untyped storage the number of bytes.
  let count: Int
  /// In legacy files: the part of the storage that is meant, in elements.
  let part: Range<Int>?

  /// - Throws: ``WeightFileError`` unless the object is a reference to a storage as torch.save writes it.
  init(_ object: PickleObject, in graph: PickleGraph) throws {
    func malformed(_ reason: String) -> WeightFileError { graph.error(reason, at: object) }
    guard object.kind == .persistent, let id = graph.sequence(object.elements[0]) else {
      throw malformed("a storage is expected, found \(graph.kind(of: object.elements.first ?? .none))")
    }
    guard id.count == 5 || id.count == 6, Self.isStorage(id) else {
      throw malformed("a reference to a storage has other than its 5 or 6 parts")
    }
    guard let name = id[1].global, let type = PyTorchGlobal.storageType(name) else {
      throw malformed("\(id[1].kind) is no class of storages")
    }
    // PyTorch counts them, or takes addresses.
    guard let key = id[2].string, key.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw malformed("the key of a storage is \(id[2].kind), it must be a string of ASCII")
    }
    guard let count = id[4].int, count >= 0 else {
      throw malformed("the size of a storage is \(id[4].kind), it must be an integer of at least 0")
    }
    self.type = type
    self.key = key
    self.count = count
    part = id.count == 6 ? try Self.part(id[5], of: count, in: graph, malformed) : nil
  }

  /// True for a reference to a storage, false for one to something else, for example the source code of a class.
  static func isStorage(_ id: [PickleValue]) -> Bool {
    id.first == .string("storage") || id.first == .bytes(Array("storage".utf8))
  }

  private static func part(
    _ value: PickleValue, of count: Int, in graph: PickleGraph, _ malformed: (String) -> WeightFileError
  ) throws -> Range<Int>? {
    if value == .none { return nil }
    guard let view = graph.sequence(value), view.count == 3, let start = view[1].int, let size = view[2].int,
      start >= 0, size >= 0, start <= count, size <= count - start
    else { throw malformed("a view of a storage lies outside its \(count) elements") }
    return start..<start + size
  }

  /// The number of bytes, or nil if it exceeds 64-bit arithmetic.
  var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.width)
    return overflow ? nil : bytes
  }
}

/// The bytes of a storage in a file.
struct PyTorchStorage: Sendable {
  let bytes: LazyTensor
  /// Compared before a tensor hands out bytes; nil where the file has none.
  let checksum: (any ContentChecksum)?
  let isBigEndian: Bool
}

/// Where the storages of a file are.
protocol PyTorchStorages {
  /// The whole storage, even where a part is meant.
  ///
  /// - Throws: ``WeightFileError`` if it is missing or has another size.
  func storage(_ id: PyTorchStorageID) throws -> PyTorchStorage
}
