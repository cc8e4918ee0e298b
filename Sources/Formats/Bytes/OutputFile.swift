package import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A new file that is written from front to back, through a small buffer.
///
/// Tensors that lie in a file as they are do not pass through it: neighbours are gathered into one long range, which
/// the system copies or shares; see ``RangeCopy``. Nothing is lost in silence: every failed write is thrown, and ``close()`` must be called to learn of the last one.
package final class OutputFile {
  private let path: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// What comes behind the buffer.
  private var pending: RangeCopy?
  private let methods: CopyMethods
  /// The number of bytes written so far: the offset of the next one.
  package private(set) var position: UInt64 = 0

  private static let bufferSize = 1 << 20

  /// Creates the file; it must not exist.
  ///
  /// - Parameter methods: what the system is asked to do with ranges of other files.
  package init(creating path: String, methods: CopyMethods = .all) throws {
    self.path = path
    self.methods = methods
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw WeightFileError(.unwritable, "cannot create: \(systemMessage(errno))", file: path)
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// Opens an existing file, to write tensors to places in it.
  init(updating path: String) throws {
    self.path = path
    methods = .all
    descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw WeightFileError(.unwritable, "cannot open for writing: \(systemMessage(errno))", file: path)
    }
  }

  deinit { if descriptor >= 0 { _ = Self.close(descriptor) } }

  func write(_ bytes: some Sequence<UInt8>) throws {
    try settle()
    let before = buffer.count
    buffer.append(contentsOf: bytes)
    position += UInt64(buffer.count - before)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Writes bytes; many at once do not go through the buffer.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    try settle()
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

  /// Writes the bytes of a tensor; memory is one piece of 4 MiB, whatever its size.
  package func write(_ tensor: LazyTensor) throws {
    guard tensor.byteCount > 0 else { return }
    guard let range = tensor.rangeCopy(to: position) else { return try tensor.forEachPiece { try write($1) } }
    if let pending, pending.isContinued(by: range) {
      self.pending?.byteCount += range.byteCount
    } else {
      try settle()
      pending = range
    }
    position += range.byteCount
  }

  /// Writes the bytes of a tensor to a place that the file has already.
  func write(_ tensor: LazyTensor, at offset: UInt64) throws {
    guard let range = tensor.rangeCopy(to: offset) else {
      return try tensor.forEachPiece { try writeAll($1, at: offset + UInt64($0)) }
    }
    try range.run(into: descriptor, methods: methods) { try writeAll($0, at: $1) }
  }

  /// Writes the range that waits for more: through the buffer if it is short.
  func settle() throws {
    guard let range = pending else { return }
    pending = nil
    if range.byteCount < RangeCopy.leastByteCount {
      let count = Int(range.byteCount)
      try buffer.append(addingCapacity: count) { try range.source.read(at: range.offset, into: $0) }
      try range.tensor.noteRead(count)
      if buffer.count >= Self.bufferSize { try flush(before: position) }
    } else {
      try flush(before: range.target)
      try range.run(into: descriptor, methods: methods) { try writeAll($0, at: $1) }
    }
  }

  /// Writes bytes of 0 up to the next multiple of `alignment`.
  func pad(to alignment: UInt64) throws {
    let rest = position % alignment
    if rest > 0 { try write(repeatElement(0, count: Int(alignment - rest))) }
  }

  /// Overwrites bytes that were written before, for example a size that was not known then.
  func overwrite(at offset: UInt64, _ bytes: [UInt8]) throws {
    precondition(offset + UInt64(bytes.count) <= position)
    let start = (pending?.target ?? position) - UInt64(buffer.count)
    let end = offset + UInt64(bytes.count)
    if offset >= start, end <= start + UInt64(buffer.count) {
      buffer.replaceSubrange(Int(offset - start)..<Int(end - start), with: bytes)
    } else {
      if end > start { try flush() }
      try bytes.withUnsafeBytes { try writeAll($0, at: offset) }
    }
  }

  /// Writes what is in the buffer and closes the file.
  package func close() throws {
    try flush()
    let result = Self.close(descriptor)
    descriptor = -1
    guard result == 0 else { throw failure("close") }
  }

  private func flush() throws {
    try settle()
    try flush(before: position)
  }

  /// - Parameter end: where what is in the buffer ends in the file.
  private func flush(before end: UInt64) throws {
    let start = end - UInt64(buffer.count)
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

extension [UInt8] {
  /// Appends bytes that `body` fills in.
  fileprivate mutating func append(
    addingCapacity count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let start = self.count
    append(contentsOf: repeatElement(0, count: count))
    try withUnsafeMutableBytes { try body(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
  }
}
