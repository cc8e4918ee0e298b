internal import Crypto
public import TensorFerryTensors

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A file and the SHA-256 of its bytes, by which somebody else knows that he has the same.
public struct FileHash: Hashable, Sendable {
  public let path: String
  /// 64 hexadecimal digits.
  public let sha256: String

  /// Hashes a file that is open.
  ///
  /// Memory: one buffer of 4 MiB, whatever the size of the file.
  ///
  /// - Throws: ``TensorError`` with code `.unreadableFile`, or `.changedFile` if it is no longer what was opened.
  public init(of file: SourceFile) throws {
    var hash = SHA256()
    let pieces = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(min(file.byteCount, 4 << 20)), alignment: 64)
    defer { pieces.deallocate() }
    var offset: UInt64 = 0
    while offset < file.byteCount {
      let count = Int(min(UInt64(pieces.count), file.byteCount - offset))
      let piece = UnsafeMutableRawBufferPointer(rebasing: pieces[..<count])
      try file.read(at: offset, into: piece)
      hash.update(bufferPointer: UnsafeRawBufferPointer(piece))
      offset += UInt64(count)
    }
    try file.checkUnchanged()
    path = file.path
    sha256 = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Hashes the file that was opened and those in which tensors of it lie, such as the shards that an index names.
  ///
  /// - Parameter path: a file, or a directory; of a directory that holds no tensor in place, all files are hashed.
  /// - Throws: as ``init(of:)``, and what listing a directory throws.
  public static func all(of path: String, holding tensors: some Sequence<LazyTensor>) throws -> [FileHash] {
    var files: [String: SourceFile] = [:]
    for tensor in tensors {
      if case .file(let file, _) = tensor.content { files[file.path] = file }
    }
    if files[path] == nil, let file = try regularFile(path) { files[path] = file }
    if files.isEmpty {
      for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
        let member = path.hasSuffix("/") ? path + name : path + "/" + name
        files[member] = try regularFile(member)
      }
    }
    let others = files.keys.filter { $0 != path }.sorted()
    return try ([path] + others).compactMap { path in try files[path].map { try FileHash(of: $0) } }
  }

  /// Nil for a directory.
  private static func regularFile(_ path: String) throws -> SourceFile? {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory else {
      return try SourceFile(path: path)
    }
    return nil
  }
}
