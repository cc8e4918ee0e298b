#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A regular file that is open for reading, shared by all tensors that lie in it.
///
/// Size, modification time, device and inode are taken once. Reads are `pread`s: they share no position, so the file
/// may be read from several tasks, and a file that shrinks is an error, not a signal. The descriptor is closed when
/// the last owner goes.
public final class SourceFile: Sendable {
  public let path: String
  /// The size in bytes when the file was opened.
  public let byteCount: UInt64
  package let descriptor: Int32
  private let identity: Identity

  /// - Throws: ``TensorError`` with code `.unreadableFile` if the path is missing, is not a regular file, or cannot
  ///   be opened.
  public init(path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw TensorError(.unreadableFile, "cannot open: \(systemMessage(errno))", file: path)
    }
    do {
      identity = try Identity(descriptor: descriptor, path: path)
      guard identity.isRegular else {
        throw TensorError(
          .unreadableFile, identity.isDirectory ? "is a directory, not a file" : "is not a regular file", file: path)
      }
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = identity.byteCount
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from byte `offset` on.
  ///
  /// - Throws: ``TensorError`` with code `.truncatedFile` if the file ends first, `.unreadableFile` if reading fails.
  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try check(offset: offset, count: buffer.count)
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
      if count < 0 {
        if errno == EINTR { continue }
        throw TensorError(
          .unreadableFile, "cannot read: \(systemMessage(errno))", file: path, place: .byte(offset + UInt64(done)))
      }
      guard count > 0 else {
        throw TensorError(
          .truncatedFile, "the file shrank while it was read: \(byteCount) bytes at first, now it ends here",
          file: path,
          place: .byte(offset + UInt64(done)))
      }
      done += count
    }
  }

  /// Reads `count` bytes from `offset` on into a new array.
  ///
  /// The range is compared with the size of the file before memory is allocated.
  public func read(at offset: UInt64, count: Int) throws -> [UInt8] {
    try check(offset: offset, count: count)
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }

  /// - Throws: ``TensorError`` with code `.truncatedFile` unless `count` bytes from `offset` on lie in the file.
  public func check(offset: UInt64, count: Int) throws {
    guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
      throw TensorError(
        .truncatedFile, "\(count) bytes from byte \(offset) on are needed, the file has \(byteCount)", file: path,
        place: .byte(offset))
    }
  }

  /// Compares size, modification time, device and inode with those at opening.
  ///
  /// - Throws: ``TensorError`` with code `.changedFile` if one differs.
  public func checkUnchanged() throws {
    let now = try Identity(descriptor: descriptor, path: path)
    guard now == identity else {
      throw TensorError(
        .changedFile, "the file changed while it was read (\(identity.byteCount) bytes at first, now \(now.byteCount))",
        file: path)
    }
  }
}

private struct Identity: Equatable, Sendable {
  let device: UInt64
  let inode: UInt64
  let byteCount: UInt64
  let seconds: Int
  let nanoseconds: Int
  let kind: UInt32

  init(descriptor: Int32, path: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw TensorError(.unreadableFile, "cannot read its status: \(systemMessage(errno))", file: path)
    }
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(status.st_ino)
    byteCount = UInt64(max(0, status.st_size))
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    seconds = time.tv_sec
    nanoseconds = time.tv_nsec
    kind = UInt32(status.st_mode) & UInt32(S_IFMT)
  }

  var isRegular: Bool { kind == UInt32(S_IFREG) }
  var isDirectory: Bool { kind == UInt32(S_IFDIR) }
}

/// The text of an error number, as the C library has it.
package func systemMessage(_ number: Int32) -> String {
  String(cString: strerror(number))
}
