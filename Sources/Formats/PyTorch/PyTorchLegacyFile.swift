internal import TensorFerryTensors

/// The file that PyTorch wrote before 1.6, and writes on request: pickles one behind the other, then the storages.
///
/// Storages are little-endian whatever machine wrote them.
struct PyTorchLegacyFile: PyTorchStorages {
  let graph: PickleGraph
  private let file: SourceFile
  /// The place of each storage's bytes.
  private var offsets: [String: UInt64] = [:]

  /// 0x1950A86A20F9469CFC6C, the first pickle.
  static let magic = PickleValue.bigInteger([0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19])

  static func recognises(_ file: SourceFile) throws -> Bool {
    // Protocol 0 needs 27 bytes for it, the others less.
    var reader = PickleReader(try file.read(at: 0, count: Int(min(file.byteCount, 64))), member: "")
    return (try? PickleMachine.load(&reader).root) == magic
  }

  init(_ file: SourceFile) throws {
    self.file = file
    var reader = PickleReader(file, from: 0)
    guard try PickleMachine.load(&reader).root == Self.magic else {
      throw reader.error("the file does not begin with the magic number of PyTorch", at: 0)
    }
    let version = try PickleMachine.load(&reader).root
    guard version == .integer(1001) else { throw reader.error("the protocol is \(version.kind), it must be 1001") }
    _ = try PickleMachine.load(&reader)
    graph = try PickleMachine.load(&reader)
    let list = try PickleMachine.load(&reader)
    guard let keys = list.sequence(list.root)?.map(\.string), !keys.contains(nil) else {
      throw reader.error("the list of storages is \(list.kind(of: list.root)), it must be a list of strings")
    }
    try findStorages(keys.compactMap { $0 }, from: reader.fileOffset)
  }

  private func malformed(_ reason: String, at offset: UInt64) -> WeightFileError {
    WeightFileError(.malformed, reason, format: PyTorchFormat.name, place: .byte(offset))
  }

  /// Every storage that the pickle names, by its key.
  private func declaredStorages() throws -> [String: PyTorchStorageID] {
    var declared: [String: PyTorchStorageID] = [:]
    for object in graph.objects where object.kind == .persistent {
      guard let parts = graph.sequence(object.elements[0]), PyTorchStorageID.isStorage(parts) else { continue }
      let id = try PyTorchStorageID(object, in: graph)
      let before = declared.updateValue(id, forKey: id.key)
      guard before == nil || (before?.type == id.type && before?.count == id.count) else {
        throw graph.error("the storage '\(id.key.escapedForDisplay)' is declared twice, and differently", at: object)
      }
    }
    return declared
  }

  /// Walks over the storages: each is its number of elements and then its bytes.
  private mutating func findStorages(_ keys: [String], from start: UInt64) throws {
    let declared = try declaredStorages()
    var offset = start
    for key in keys {
      guard let id = declared[key] else {
        throw malformed("the file holds a storage '\(key.escapedForDisplay)' that no tensor names", at: offset)
      }
      try need(8, at: offset)
      let count = try file.read(at: offset, count: 8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      guard count == UInt64(id.count), let byteCount = id.byteCount else {
        throw malformed(
          "the storage '\(key.escapedForDisplay)' has \(count) elements, the pickle says \(id.count)", at: offset)
      }
      try need(byteCount, at: offset + 8)
      guard offsets.updateValue(offset + 8, forKey: key) == nil else {
        throw malformed("the storage '\(key.escapedForDisplay)' appears twice", at: offset)
      }
      offset += 8 + UInt64(byteCount)
    }
    guard offset == file.byteCount else {
      throw malformed("the storages end at byte \(offset), the file at byte \(file.byteCount)", at: offset)
    }
  }

  private func need(_ count: Int, at offset: UInt64) throws {
    guard UInt64(count) <= file.byteCount - offset else {
      throw malformed("\(count) bytes are needed, the file has \(file.byteCount - offset) left", at: offset)
    }
  }

  func storage(_ id: PyTorchStorageID) throws -> PyTorchStorage {
    guard let offset = offsets[id.key], let byteCount = id.byteCount else {
      throw malformed("the storage '\(id.key.escapedForDisplay)' is missing", at: file.byteCount)
    }
    return PyTorchStorage(
      bytes: try LazyTensor(dtype: .u8, shape: Shape([byteCount]), content: .file(file, offset: offset)),
      checksum: nil, isBigEndian: false)
  }
}
