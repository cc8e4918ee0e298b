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
  public let source: SourceFile
  // Safe because the pages are mapped read-only and stay mapped until deinit.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// - Throws: ``TensorError`` with code `.unreadableFile` if the system refuses to map the file.
  public init(_ source: SourceFile) throws {
    self.source = source
    guard source.byteCount > 0 else {
      base = nil
      return
    }
    guard let address = mmap(nil, Int(source.byteCount), PROT_READ, MAP_PRIVATE, source.descriptor, 0),
      address != MAP_FAILED
    else {
      throw TensorError(.unreadableFile, "cannot map: \(systemMessage(errno))", file: source.path)
    }
    base = UnsafeRawPointer(address)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), Int(source.byteCount)) }
  }

  /// Calls `body` with the bytes `offset ..< offset + count`; the pointer is valid as long as this object lives.
  package func bytes(at offset: UInt64, count: Int) throws -> UnsafeRawBufferPointer {
    try source.check(offset: offset, count: count)
    return UnsafeRawBufferPointer(start: base.map { $0 + Int(offset) }, count: count)
  }
}
