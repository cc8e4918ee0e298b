/// Gives ranges of a tensor's bytes (row-major, little-endian) from a place that is not a plain range of a file,
/// for example from compressed chunks.
public protocol RangeReader: Sendable {
  /// Fills `buffer` with the tensor's bytes `range`.
  ///
  /// - Precondition: `range` lies inside the tensor, begins and ends with an element, and `buffer` has exactly its
  ///   size.
  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws

  /// Ranges that begin and end with multiples of this many bytes are read without doing work twice; 1 if any are.
  var pieceByteCount: Int { get }

  /// The files that the bytes are made of: whoever read them asks whether one has changed meanwhile.
  var sourceFiles: [SourceFile] { get }
}

extension RangeReader {
  public var pieceByteCount: Int { 1 }
}

/// A checksum that the file holds of a tensor's bytes.
package protocol ContentChecksum: AnyObject, Sendable {
  /// Takes note of bytes that were read.
  ///
  /// - Throws: if the bytes up to the last one were read in order, and their checksum is another one.
  func observe(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws
}

/// Is told of every range of a tensor's bytes that was read, or copied without being read.
package protocol ReadObserver: AnyObject, Sendable {
  /// - Throws: to end what reads the tensor.
  func didRead(_ byteCount: Int) throws

  /// Is told beside ``didRead(_:)`` of bytes that the system copied, so that they did not pass through the process.
  ///
  /// - Parameter isShared: true if they were not copied either: both files have them on the disk in one place.
  func didTransfer(_ byteCount: Int, isShared: Bool)
}

extension ReadObserver {
  package func didTransfer(_ byteCount: Int, isShared: Bool) {}
}

/// A dtype and a shape whose bytes are not read yet.
///
/// It is a range of a shared open ``SourceFile`` wherever the format stores the bytes as they are; otherwise a
/// ``RangeReader``. Copying it is cheap and reads nothing.
public struct LazyTensor: Sendable {
  /// Where the bytes are.
  public enum Content: Sendable {
    /// `byteCount` bytes of the file from `offset` on, little-endian and row-major as they stand.
    case file(SourceFile, offset: UInt64)
    /// Bytes that a reader makes on request.
    case reader(any RangeReader)
    /// Bytes in memory.
    case memory([UInt8])
  }

  public let dtype: DType
  public let shape: Shape
  /// The size of the decoded bytes.
  public let byteCount: Int
  public let content: Content
  /// What the bytes encode if the dtype is `.block`; nil for numbers.
  public let encoding: BlockEncoding?
  let checksum: (any ContentChecksum)?
  private var observers: [any ReadObserver] = []

  /// - Throws: ``TensorError`` with code `.sizeOverflow` or `.partialByte` if dtype and shape have no size,
  ///   `.truncatedFile` if a range of a file ends behind its end, `.sizeMismatch` if bytes in memory have another size.
  /// - Precondition: an encoding is given for `.block` and for nothing else; `shape` is then that of the bytes.
  public init(dtype: DType, shape: Shape, content: Content, encoding: BlockEncoding? = nil) throws {
    try self.init(dtype: dtype, shape: shape, content: content, encoding: encoding, checksum: nil)
  }

  /// - Parameter checksum: checked whenever all bytes are read in order.
  package init(
    dtype: DType, shape: Shape, content: Content, encoding: BlockEncoding? = nil, checksum: (any ContentChecksum)?
  ) throws {
    precondition((dtype == .block) == (encoding != nil))
    let byteCount = try dtype.byteCount(of: shape.elementCount)
    switch content {
    case .file(let file, let offset):
      try file.check(offset: offset, count: byteCount)
    case .memory(let bytes) where bytes.count != byteCount:
      throw TensorError(.sizeMismatch, "\(dtype.rawValue) \(shape) needs \(byteCount) bytes, there are \(bytes.count)")
    case .memory, .reader: break
    }
    self.dtype = dtype
    self.shape = shape
    self.byteCount = byteCount
    self.content = content
    self.checksum = checksum
    self.encoding = encoding
  }

  /// - Precondition: the dtype is not `.block`.
  public init(_ tensor: Tensor) {
    precondition(tensor.dtype != .block)
    dtype = tensor.dtype
    shape = tensor.shape
    byteCount = tensor.bytes.count
    content = .memory(tensor.bytes)
    checksum = nil
    encoding = nil
  }

  /// The name of the type in reports: for blocks that of their encoding, for example `Q4_K`.
  public var typeName: String { encoding?.name ?? dtype.rawValue }

  /// The shape of the numbers; for blocks that of what they encode.
  public var logicalShape: Shape { encoding?.shape ?? shape }

  /// The offset of the first byte in the file, or nil where the bytes are not a plain range of it.
  public var fileOffset: UInt64? {
    if case .file(_, let offset) = content { offset } else { nil }
  }

  /// The open files that the bytes come from, however they are made of them; none if they are in memory.
  package var sourceFiles: [SourceFile] {
    switch content {
    case .file(let file, _): [file]
    case .reader(let reader): reader.sourceFiles
    case .memory: []
    }
  }

  /// Fills `buffer` with the bytes `range` of the tensor.
  ///
  /// - Throws: ``TensorError`` with code `.outOfRange` if the range is not inside the tensor or the buffer has
  ///   another size, and whatever reading the file throws.
  public func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard range.lowerBound >= 0, range.upperBound <= byteCount, buffer.count == range.count else {
      throw TensorError(.outOfRange, "bytes \(range) into \(buffer.count) bytes, the tensor has \(byteCount)")
    }
    guard !range.isEmpty else { return }
    switch content {
    case .file(let file, let offset): try file.read(at: offset + UInt64(range.lowerBound), into: buffer)
    case .reader(let reader): try read(range, of: reader, into: buffer)
    case .memory(let bytes): bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[range])) }
    }
    try checksum?.observe(UnsafeRawBufferPointer(buffer), at: range.lowerBound)
    try noteRead(range.count)
  }

  /// The same tensor, whose reads one observer more is told of.
  package func observed(by observer: any ReadObserver) -> LazyTensor {
    var copy = self
    copy.observers.append(observer)
    return copy
  }

  /// The same tensor, whose reads nobody is told of: for a second thread, from which no progress is reported.
  package var unobserved: LazyTensor {
    var copy = self
    copy.observers = []
    return copy
  }

  /// Tells the observers of bytes that were read for this tensor by other means than ``read(_:into:)``.
  package func noteRead(_ byteCount: Int) throws {
    for observer in observers { try observer.didRead(byteCount) }
  }

  /// Tells the observers of bytes that the system copied.
  package func noteTransfer(_ byteCount: Int, isShared: Bool) {
    for observer in observers { observer.didTransfer(byteCount, isShared: isShared) }
  }

  /// Asks a reader for whole elements only, so that it can swap and gather without caring for parts of one.
  private func read(_ range: Range<Int>, of reader: any RangeReader, into buffer: UnsafeMutableRawBufferPointer) throws
  {
    let width = max(1, dtype.bitWidth / 8)
    let start = range.lowerBound / width * width
    let end = min((range.upperBound + width - 1) / width * width, byteCount)
    guard start != range.lowerBound || end != range.upperBound else { return try reader.read(range, into: buffer) }
    try withPieceBuffer(byteCount: end - start) { whole in
      try reader.read(start..<end, into: whole)
      let offset = range.lowerBound - start
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[offset..<offset + range.count]))
    }
  }

  /// Reads the whole tensor into memory.
  public func read() throws -> Tensor {
    if case .memory(let bytes) = content { return try Tensor(dtype: dtype, shape: shape, bytes: bytes) }
    let bytes = try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
      try read(0..<byteCount, into: UnsafeMutableRawBufferPointer(buffer))
      initialized = byteCount
    }
    return try Tensor(dtype: dtype, shape: shape, bytes: bytes)
  }

  /// The whole tensor where its file is mapped, without reading it, if it is a plain range of a file whose bytes need no
  /// checksum; otherwise as ``read()``.
  ///
  /// - Parameter files: that are mapped already, and are still open.
  package func mapped(in files: inout MappedFiles) throws -> Tensor {
    guard case .file(let source, let offset) = content, checksum == nil, byteCount > 0, dtype != .block else {
      return try read()
    }
    return try Tensor(
      dtype: dtype, shape: shape, mapped: MappedBytes(files.file(source), at: offset, count: byteCount))
  }

  /// True if the file holds a checksum of the bytes, which is compared whenever all are read in order.
  package var hasChecksum: Bool { checksum != nil }

  /// How many bytes a piece has if it is to have about `limit`: a multiple of what a reader reads best, if that is at
  /// most 16 MiB, and not more than all bytes.
  package func pieceByteCount(upTo limit: Int) -> Int {
    var count = limit
    if case .reader(let reader) = content, case let unit = reader.pieceByteCount, (2...16 << 20).contains(unit) {
      count = max(unit, limit / unit * unit)
    }
    return min(count, byteCount)
  }

  /// Calls `body` with consecutive pieces of the bytes, each of at most `limit` bytes, through one buffer.
  ///
  /// Memory: `limit` bytes, or at most 16 MiB where a reader wants longer pieces, whatever the size of the tensor.
  public func forEachPiece(
    upTo limit: Int = 4 << 20, _ body: (_ offset: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try withPieceBuffer(byteCount: pieceByteCount(upTo: limit)) { buffer in
      var offset = 0
      while offset < byteCount {
        let end = min(offset + buffer.count, byteCount)
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(end - offset)])
        try read(offset..<end, into: piece)
        try body(offset, UnsafeRawBufferPointer(piece))
        offset = end
      }
    }
  }
}
