#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A file that is mapped into memory, read-only, for a model that is being run.
///
/// - Warning: a mapped file that another process truncates ends this process with SIGBUS at the next access. Only a
///   running model maps its file; everything else reads through ``SourceFile``.
public final class MappedFile: Sendable {
  private let path: String
  private let byteCount: Int
  // Safe because the pages are mapped read-only and stay mapped until deinit.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// - Throws: ``TensorError`` with code `.unreadableFile` if the system refuses to map the file.
  public init(_ source: SourceFile) throws {
    path = source.path
    guard source.byteCount > 0 else {
      (byteCount, base) = (0, nil)
      return
    }
    guard let count = Int(exactly: source.byteCount),
      let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, source.descriptor, 0), address != MAP_FAILED
    else {
      throw TensorError(.unreadableFile, "cannot map: \(systemMessage(errno))", file: source.path)
    }
    (byteCount, base) = (count, UnsafeRawPointer(address))
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// The bytes `offset ..< offset + count`; the pointer is valid as long as this object lives.
  ///
  /// - Throws: ``TensorError`` with code `.truncatedFile` unless they lie in the file.
  package func bytes(at offset: UInt64, count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, offset <= byteCount, count <= byteCount - Int(offset) else {
      throw TensorError(
        .truncatedFile, "\(count) bytes from byte \(offset) on are needed, the file has \(byteCount)", file: path,
        place: .byte(offset))
    }
    return UnsafeRawBufferPointer(start: base.map { $0 + Int(offset) }, count: count)
  }
}

/// A range of a mapped file, which it keeps mapped.
// Safe because nobody writes through the pointer.
package struct MappedBytes: @unchecked Sendable {
  package let file: MappedFile
  /// Valid as long as the file lives.
  package let pointer: UnsafeRawBufferPointer

  init(_ file: MappedFile, at offset: UInt64, count: Int) throws {
    self.file = file
    pointer = try file.bytes(at: offset, count: count)
  }
}

/// The files that one load has mapped, each once.
package struct MappedFiles {
  private var files: [ObjectIdentifier: MappedFile] = [:]

  package init() {}

  mutating func file(_ source: SourceFile) throws -> MappedFile {
    if let file = files[ObjectIdentifier(source)] { return file }
    let file = try MappedFile(source)
    files[ObjectIdentifier(source)] = file
    return file
  }
}
