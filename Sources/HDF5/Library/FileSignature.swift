#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Looks at a path before libhdf5 does, so that a text file or a directory never reaches it.
enum FileSignature {
  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Finds the signature of HDF5 at byte 0, 512, 1024, 2048, ...
  ///
  /// - Returns: the size of the file in bytes.
  /// - Throws: ``HDF5Error`` with code `.unreadableFile` or `.notHDF5`.
  static func find(in path: String) throws(HDF5Error) -> UInt64 {
    guard !path.utf8.contains(0) else {
      throw HDF5Error(.unreadableFile, "the path holds a null character", path: path)
    }
    // Safe because the string lives for the call, and open keeps no pointer. O_NONBLOCK: a FIFO must not hang it.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError("cannot open", path) }
    defer { close(descriptor) }

    var status = stat()
    // Safe because the system fills the one struct that it is given.
    guard unsafe fstat(descriptor, &status) == 0 else { throw systemError("cannot read the status", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a directory, not a file" : "is not a regular file"
      throw HDF5Error(.unreadableFile, kind, path: path)
    }

    let size = UInt64(max(0, status.st_size))
    var offset: UInt64 = 0
    while offset + UInt64(signature.count) <= size {
      var bytes = [UInt8](repeating: 0, count: signature.count)
      // Safe because the system is told the size of the buffer.
      guard unsafe pread(descriptor, &bytes, bytes.count, off_t(offset)) >= 0 else {
        throw systemError("cannot read", path)
      }
      if bytes == signature { return size }
      offset = offset == 0 ? 512 : offset * 2
    }
    throw HDF5Error(.notHDF5, "is not an HDF5 file: no signature in its \(size) bytes", path: path)
  }

  private static func systemError(_ what: String, _ path: String) -> HDF5Error {
    let number = errno
    // Safe because strerror returns a null-terminated text that is copied at once.
    return HDF5Error(.unreadableFile, "\(what): \(unsafe String(cString: strerror(number)))", path: path)
  }
}
