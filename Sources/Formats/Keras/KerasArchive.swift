internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A file `.keras`: a zip archive of a configuration and a file of weights.
struct KerasArchive {
  static let weights = "model.weights.h5"
  static let configuration = "config.json"
  static let metadata = "metadata.json"
  static let members = [metadata, configuration, weights]
  /// The most bytes of the configuration and of the metadata.
  private static let jsonByteLimit = 64 << 20

  private let archive: ZipArchive
  private let file: SourceFile

  static func recognises(_ archive: ZipArchive) -> Bool {
    archive[configuration] != nil && (archive[weights] != nil || archive["model.weights.npz"] != nil)
  }

  init(_ file: SourceFile) throws {
    self.file = file
    archive = try ZipArchive(file, format: KerasFormat.name)
  }

  func read(_ format: KerasFormat) throws -> StateDict {
    guard let member = archive[Self.weights] else {
      throw WeightFileError(
        .unsupported, "weights in NumPy's format are not read; save the model with Keras 3",
        place: .member("model.weights.npz"))
    }
    guard let value = try json(Self.configuration) else {
      throw WeightFileError(.malformed, "the archive has no \(Self.configuration)", place: .member(Self.configuration))
    }
    let configuration = KerasConfiguration(value)
    let weights = try describe(member, format)
    var reading = KerasReading(of: [weights], keepsTrainingState: format.keepsTrainingState)
    try reading.add(KerasObjects([weights], configuration).variables())
    reading.add(configuration)
    reading.state.metadata = (try json(Self.metadata)?.members ?? []) + [.init("model_config", value)]
    for other in archive.members where !Self.members.contains(other.name) && !other.isFolder {
      reading.state.others.append(.init(name: other.name, kind: "member", reason: "an asset of a layer is not read"))
    }
    return try reading.finish(file, layout: "Keras 3 archive")
  }

  private func json(_ name: String) throws -> JSONValue? {
    guard let member = archive[name] else { return nil }
    let bytes = try archive.read(member, limit: Self.jsonByteLimit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw WeightFileError(.malformed, "the text is not UTF-8", place: .member(name))
    }
    return try KerasConfiguration.value(of: text, named: name)
  }

  /// Describes the file of weights by way of a copy, because libhdf5 reads from paths.
  ///
  /// Copying compares the checksum. The copy is in a folder that nobody else may open, and is gone from there before
  /// this returns. The tensors of a stored member are read from the archive; those of a deflated one from the copy,
  /// which the system keeps as long as it is open.
  private func describe(_ member: ZipMember, _ format: KerasFormat) throws -> KerasFile {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/tensorferry-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw WeightFileError(
        .unwritable, "cannot make a folder in '\(parent)' to unpack the weights: \(systemMessage(errno))")
    }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/" + Self.weights
    defer {
      unlink(path)
      rmdir(folder)
    }
    let output = try OutputFile(creating: path)
    // In pieces, because a range that the system copies is not compared with its checksum.
    try archive.bytes(of: member).forEachPiece { try output.write($1) }
    try output.close()
    do {
      guard member.isStored else {
        return try KerasFile(describing: path, in: SourceFile(path: path), format)
      }
      let part = member.dataOffset..<member.dataOffset + member.byteCount
      return try KerasFile(describing: path, in: file, part: part, format)
    } catch var error as WeightFileError {
      error.file = file.path
      error.place = .member(member.name)
      throw error
    }
  }
}
