#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Looks at a path before anything else does, so that a text file, a FIFO or a directory is none of HDF5's business.
package enum FileSignature {
  static let bytes: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Finds the signature of HDF5 at byte 0, 512, 1024, 2048, ...
  ///
  /// - Returns: the size of the file in bytes.
  /// - Throws: ``HDF5Error`` with code `.unreadableFile` or `.notHDF5`.
  package static func find(in path: String) throws(HDF5Error) -> UInt64 {
    let file = try open(path)
    close(file.descriptor)
    return file.size
  }

  /// Opens a file for reading, and finds its signature.
  ///
  /// - Returns: a descriptor to be closed, the size in bytes, the number of the file on its device, and the byte at
  ///   which the signature stands.
  static func open(
    _ path: String
  ) throws(HDF5Error) -> (descriptor: Int32, size: UInt64, number: UInt64, signature: UInt64) {
    guard !path.utf8.contains(0) else {
      throw HDF5Error(.unreadableFile, "the path holds a null character", path: path)
    }
    // Safe because the string lives for the call, and open keeps no pointer. O_NONBLOCK: a FIFO must not hang it.
    let descriptor = unsafe openFile(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError("cannot open", path) }
    do throws(HDF5Error) {
      let (size, number) = try status(of: descriptor, path)
      return (descriptor, size, number, try signature(of: descriptor, size: size, path))
    } catch {
      close(descriptor)
      throw error
    }
  }

  private static func openFile(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    #if canImport(Glibc)
      unsafe Glibc.open(path, flags)
    #elseif canImport(Musl)
      unsafe Musl.open(path, flags)
    #else
      unsafe Darwin.open(path, flags)
    #endif
  }

  private static func status(of descriptor: Int32, _ path: String) throws(HDF5Error) -> (size: UInt64, number: UInt64) {
    var status = stat()
    // Safe because the system fills the one struct that it is given.
    guard unsafe fstat(descriptor, &status) == 0 else { throw systemError("cannot read the status", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a directory, not a file" : "is not a regular file"
      throw HDF5Error(.unreadableFile, kind, path: path)
    }
    return (UInt64(max(0, status.st_size)), UInt64(status.st_ino))
  }

  private static func signature(of descriptor: Int32, size: UInt64, _ path: String) throws(HDF5Error) -> UInt64 {
    var offset: UInt64 = 0
    while offset + UInt64(bytes.count) <= size {
      var found = [UInt8](repeating: 0, count: bytes.count)
      // Safe because the system is told the size of the buffer.
      guard unsafe pread(descriptor, &found, found.count, off_t(offset)) >= 0 else {
        throw systemError("cannot read", path)
      }
      if found == bytes { return offset }
      offset = offset == 0 ? 512 : offset * 2
    }
    throw HDF5Error(.notHDF5, "is not an HDF5 file: no signature in its \(size) bytes", path: path)
  }

  static func systemError(_ what: String, _ path: String) -> HDF5Error {
    let number = errno
    // Safe because strerror returns a null-terminated text that is copied at once.
    return HDF5Error(.unreadableFile, "\(what): \(unsafe String(cString: strerror(number)))", path: path)
  }
}
