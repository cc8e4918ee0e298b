public import TensorFerryTensors

/// Weights as `torch.save` writes them: `.pt`, `.pth`, `.bin`, and the parameters of TorchScript archives.
///
/// The pickle inside is read as data; nothing of it is ever carried out. Checksums of storages are compared before
/// their first byte is used. Nested checkpoints become dotted names; what is not a tensor becomes metadata.
public struct PyTorchFormat: WeightFormat {
  public static let name = "pytorch"
  public static let extensions = ["pt", "pth", "bin"]

  public init() {}

  public static func recognises(_ file: SourceFile) throws -> Bool {
    if let name = try ZipArchive.firstName(in: file) { return isArchive(file, firstName: name) }
    return try isTar(file) || PyTorchLegacyFile.recognises(file)
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    do {
      var state = try readAny(file)
      state.origin = .init(
        path: file.path, format: Self.name, layout: state.origin?.layout, byteCount: file.byteCount)
      return state
    } catch var error as WeightFileError {
      error.file = file.path
      error.format = Self.name
      throw error
    } catch var error as TensorError {
      error.file = file.path
      error.format = Self.name
      throw error
    }
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
    _ = try PyTorchWriter(state, path: path)
  }

  public func write(_ state: StateDict, to path: String) throws {
    try PyTorchWriter(state, path: path).write()
  }

  private func readAny(_ file: SourceFile) throws -> StateDict {
    let stem = Self.stem(of: file.path)
    let start = try file.read(at: 0, count: Int(min(file.byteCount, 4)))
    if start.starts(with: [0x50, 0x4B]) {
      let archive = try PyTorchArchive(file)
      var state = try PyTorchCheckpoint.read(archive.graph, archive, stem: stem)
      if archive.isTorchScript {
        state.others.append(
          .init(name: "constants.pkl", kind: "program", reason: "the code and its constants are not read"))
      }
      for member in archive.unusedMembers {
        state.others.append(.init(name: member, kind: "storage", reason: "no tensor refers to it"))
      }
      state.origin = .init(
        path: file.path, format: Self.name, layout: archive.isTorchScript ? "TorchScript archive" : "zip archive",
        byteCount: file.byteCount)
      return state
    }
    guard try !Self.isTar(file) else {
      throw WeightFileError(
        .unsupported,
        "the tar format of PyTorch before 0.1.10 is not read; load the file with PyTorch and save it again")
    }
    let legacy = try PyTorchLegacyFile(file)
    var state = try PyTorchCheckpoint.read(legacy.graph, legacy, stem: stem)
    state.origin = .init(
      path: file.path, format: Self.name, layout: "legacy file (before PyTorch 1.6)", byteCount: file.byteCount)
    return state
  }

  /// True for a zip archive with a member `<folder>/data.pkl`, which PyTorch writes first; if the directory is damaged,
  /// the first name decides.
  private static func isArchive(_ file: SourceFile, firstName: String) -> Bool {
    if PyTorchArchive.isPickle(firstName) { return true }
    let archive = try? ZipArchive(file, format: name)
    return archive?.members.contains { PyTorchArchive.isPickle($0.name) } ?? false
  }

  /// True for a tar archive whose first member has a name that the PyTorch of 2016 gave.
  private static func isTar(_ file: SourceFile) throws -> Bool {
    guard file.byteCount >= 512 else { return false }
    let header = try file.read(at: 0, count: 262)
    let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
    return header[257...].elementsEqual("ustar".utf8)
      && ["sys_info", "pickle", "tensors", "storages"].contains(name.hasPrefix("./") ? String(name.dropFirst(2)) : name)
  }

  private static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }
}

extension WeightFormat where Self == PyTorchFormat {
  /// Weights as `torch.save` writes them.
  public static var pytorch: PyTorchFormat { PyTorchFormat() }
}
