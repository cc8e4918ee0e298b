internal import TensorFerryTensors
internal import TensorFerryThreads

/// The zip archive that PyTorch writes since 1.6, and TorchScript before that: a pickle and one member for each storage.
struct PyTorchArchive: PyTorchStorages {
  private let archive: ZipArchive
  /// The folder that everything is in, with its slash.
  private let folder: String
  private let isBigEndian: Bool
  private let checks: [String: StoredChecksum]
  let graph: PickleGraph

  /// True for an archive that also holds a program.
  let isTorchScript: Bool

  init(_ file: SourceFile) throws {
    archive = try ZipArchive(file, format: PyTorchFormat.name)
    let pickles = archive.members.filter { Self.isPickle($0.name) }
    guard pickles.count == 1, let member = pickles.first else {
      throw Self.malformed(
        "\(pickles.count) members are named <folder>/data.pkl, there must be one", pickles.last?.name ?? "data.pkl")
    }
    folder = String(member.name.dropLast("data.pkl".count))
    isTorchScript = archive[folder + "constants.pkl"] != nil
    try Self.checkVersion(in: archive, folder)
    isBigEndian = try Self.isBigEndian(archive, folder)
    let limit = member.isStored ? PyTorchLimits.pickleByteCount : PyTorchLimits.inflatedPickleByteCount
    var reader = PickleReader(
      try archive.read(member, limit: limit), member: member.name,
      storedByteCount: Int(clamping: member.compressedByteCount))
    graph = try PickleMachine.load(&reader)
    guard reader.isAtEnd else { throw reader.error("bytes follow the end of the pickle") }
    let data = folder + "data/"
    checks = Dictionary(
      uniqueKeysWithValues: archive.members.filter { $0.name.hasPrefix(data) }.map { [archive] in
        ($0.name, StoredChecksum(archive: archive, member: $0))
      })
  }

  static func isPickle(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[1] == "data.pkl" && !parts[0].isEmpty
  }

  private static func record(_ name: String, of archive: ZipArchive) throws -> String? {
    guard let member = archive[name] else { return nil }
    return String(validating: try archive.read(member, limit: PyTorchLimits.recordByteCount), as: UTF8.self) ?? ""
  }

  private static func malformed(_ reason: String, _ member: String) -> WeightFileError {
    WeightFileError(.malformed, reason, format: PyTorchFormat.name, place: .member(member))
  }

  private static func checkVersion(in archive: ZipArchive, _ folder: String) throws {
    let name = folder + "version"
    guard let text = try record(name, of: archive) else {
      throw malformed("the archive does not say its version", name)
    }
    guard let version = Int(text.hasSuffix("\n") ? String(text.dropLast()) : text) else {
      throw malformed("the version is no number", name)
    }
    guard (1...10).contains(version) else {
      throw WeightFileError(
        .unsupported, "version \(version) is not known, 1 to 10 are", format: PyTorchFormat.name, place: .member(name))
    }
  }

  private static func isBigEndian(_ archive: ZipArchive, _ folder: String) throws -> Bool {
    let name = folder + "byteorder"
    switch try record(name, of: archive) {
    case nil, "little": return false
    case "big": return true
    default: throw malformed("the byte order is neither 'little' nor 'big'", name)
    }
  }

  func storage(_ id: PyTorchStorageID) throws -> PyTorchStorage {
    let name = folder + "data/" + id.key
    guard let member = archive[name], let check = checks[name] else {
      throw Self.malformed("the storage is missing", name)
    }
    // The last bytes of a storage may be less than an element, if it was resized in bytes.
    guard let expected = id.byteCount, member.byteCount >= UInt64(expected),
      member.byteCount - UInt64(expected) < UInt64(id.type.width)
    else {
      throw Self.malformed(
        "the pickle says that the storage has \(id.count) elements of \(id.type.width) bytes, the member has "
          + "\(member.byteCount) bytes", name)
    }
    return PyTorchStorage(
      bytes: try archive.bytes(of: member), checksum: check, isBigEndian: isBigEndian)
  }

  /// Members of the storages' folder that no tensor refers to.
  var unusedMembers: [String] {
    var used: Set<String> = []
    for object in graph.objects where object.kind == .persistent {
      if let key = graph.sequence(object.elements[0])?.dropFirst(2).first?.string {
        used.insert(folder + "data/" + key)
      }
    }
    return archive.members.map(\.name).filter { checks[$0] != nil && !used.contains($0) }
  }
}

/// Compares the bytes of a storage with the archive's checksum, once, before the first of them is handed out.
///
/// All of the storage is read for it, because a tensor may be a part of one, and a part of a tensor may be all that is
/// read. PyTorch itself does not look at the checksum, and loads a storage with a flipped bit without a word.
private final class StoredChecksum: ContentChecksum {
  private let archive: ZipArchive
  private let member: ZipMember
  private let hasHeld = Locked(false)

  init(archive: ZipArchive, member: ZipMember) {
    self.archive = archive
    self.member = member
  }

  func observe(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try hasHeld.withLock { hasHeld in
      if hasHeld { return }
      try archive.verify(member)
      hasHeld = true
    }
  }
}
