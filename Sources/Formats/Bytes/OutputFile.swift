internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A new file that is written from front to back, through a small buffer.
///
/// Nothing is lost in silence: every failed write is thrown, and ``close()`` must be called to learn of the last one.
package final class OutputFile {
  private let path: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// The number of bytes written so far: the offset of the next one.
  package private(set) var position: UInt64 = 0

  private static let bufferSize = 1 << 20

  /// Creates the file; it must not exist.
  package init(creating path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw WeightFileError(.unwritable, "cannot create: \(systemMessage(errno))", file: path)
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// Opens an existing file, to write tensors to places in it.
  init(updating path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw WeightFileError(.unwritable, "cannot open for writing: \(systemMessage(errno))", file: path)
    }
  }

  deinit { if descriptor >= 0 { _ = Self.close(descriptor) } }

  func write(_ bytes: some Sequence<UInt8>) throws {
    let before = buffer.count
    buffer.append(contentsOf: bytes)
    position += UInt64(buffer.count - before)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Writes bytes; many at once do not go through the buffer.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count >= Self.bufferSize else {
      buffer.append(contentsOf: bytes)
      position += UInt64(bytes.count)
      if buffer.count >= Self.bufferSize { try flush() }
      return
    }
    try flush()
    try writeAll(bytes, at: position)
    position += UInt64(bytes.count)
  }

  /// Writes an integer, little-endian.
  func write<Value: FixedWidthInteger>(_ value: Value) throws {
    try withUnsafeBytes(of: value.littleEndian) { try write($0) }
  }

  /// Writes the bytes of a tensor, piece by piece; memory is one piece of 4 MiB, whatever its size.
  func write(_ tensor: LazyTensor) throws {
    try tensor.forEachPiece { try write($1) }
  }

  /// Writes the bytes of a tensor to a place that the file has already, piece by piece.
  func write(_ tensor: LazyTensor, at offset: UInt64) throws {
    try tensor.forEachPiece { try writeAll($1, at: offset + UInt64($0)) }
  }

  /// Writes bytes of 0 up to the next multiple of `alignment`.
  func pad(to alignment: UInt64) throws {
    let rest = position % alignment
    if rest > 0 { try write(repeatElement(0, count: Int(alignment - rest))) }
  }

  /// Overwrites bytes that were written before, for example a size that was not known then.
  func overwrite(at offset: UInt64, _ bytes: [UInt8]) throws {
    precondition(offset + UInt64(bytes.count) <= position)
    try flush()
    try bytes.withUnsafeBytes { try writeAll($0, at: offset) }
  }

  /// Writes what is in the buffer and closes the file.
  package func close() throws {
    try flush()
    let result = Self.close(descriptor)
    descriptor = -1
    guard result == 0 else { throw failure("close") }
  }

  private func flush() throws {
    let start = position - UInt64(buffer.count)
    try buffer.withUnsafeBytes { try writeAll($0, at: start) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let count = pwrite(descriptor, base + done, bytes.count - done, off_t(offset) + off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write") }
      done += count
    }
  }

  private func failure(_ verb: String) -> WeightFileError {
    WeightFileError(.unwritable, "cannot \(verb): \(systemMessage(errno))", file: path, place: .byte(position))
  }

  private static func close(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }
}
