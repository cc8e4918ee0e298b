internal import TensorFerryTensors

/// The bytes of a pickle, from front to back: a member of an archive in memory, or a part of a file that is read as
/// far as the pickle goes, because it does not say how long it is.
struct PickleReader {
  /// Where the bytes are, for errors.
  private enum Source {
    case member(String)
    case file(SourceFile, offset: UInt64)
  }

  private let source: Source
  private var bytes: [UInt8]
  private(set) var position = 0
  /// The bytes that the pickle takes in the file, if it is in memory and deflated.
  private(set) var storedByteCount = Int.max
  /// The end of the frame that the position is in, if it is in one.
  private var frameEnd: Int?

  /// The whole pickle in memory; `member` is its name in the archive.
  init(_ bytes: [UInt8], member: String, storedByteCount: Int = .max) {
    self.storedByteCount = storedByteCount
    source = .member(member)
    self.bytes = bytes
  }

  /// A pickle that begins at byte `offset` of a file.
  init(_ file: SourceFile, from offset: UInt64) {
    source = .file(file, offset: offset)
    bytes = []
  }

  /// The place in the file behind what was read; for a pickle in a file only.
  var fileOffset: UInt64 {
    if case .file(_, let offset) = source { offset + UInt64(position) } else { UInt64(position) }
  }

  func error(_ reason: String, _ code: WeightFileError.Code = .malformed, at position: Int? = nil) -> WeightFileError {
    let position = position ?? self.position
    switch source {
    case .member(let name):
      return WeightFileError(
        code, "\(reason), at byte \(position) of the pickle", format: PyTorchFormat.name, place: .member(name))
    case .file(_, let offset):
      return WeightFileError(code, reason, format: PyTorchFormat.name, place: .byte(offset + UInt64(position)))
    }
  }

  /// The number of bytes in memory.
  var byteCount: Int { bytes.count }

  /// True if nothing follows; for a pickle in memory.
  var isAtEnd: Bool { position == bytes.count }

  /// Makes sure that `count` more bytes are in memory.
  private mutating func need(_ count: Int) throws {
    let end = frameEnd ?? .max
    guard count <= end - position else {
      throw error("\(count) bytes are needed, the frame has \(end - position) left")
    }
    if count <= bytes.count - position { return }
    guard case .file(let file, let offset) = source else {
      throw error("\(count) bytes are needed, the pickle has \(bytes.count - position) left")
    }
    guard count <= PyTorchLimits.pickleByteCount - position else {
      throw error(
        "the pickle is longer than \(PyTorchLimits.pickleByteCount) bytes, which is the limit", .unsupported)
    }
    let available = Int(clamping: file.byteCount - min(offset, file.byteCount))
    guard count <= available - position else {
      throw error("\(count) bytes are needed, the file has \(available - position) left")
    }
    let target = min(max(position + count, bytes.count * 2, 1 << 12), available, PyTorchLimits.pickleByteCount)
    bytes += try file.read(at: offset + UInt64(bytes.count), count: target - bytes.count)
  }

  mutating func byte() throws -> UInt8 {
    if position == frameEnd { frameEnd = nil }
    try need(1)
    defer { position += 1 }
    return bytes[position]
  }

  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    try need(count)
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A little-endian integer.
  mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws -> Value {
    let slice = try take(Value.bitWidth / 8)
    return slice.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(as: Value.self)) }
  }

  /// A count of bytes that 64 bits hold; one that is too large for memory is too large for the file.
  mutating func count8() throws -> Int {
    let start = position
    let count = try integer(UInt64.self)
    guard let count = Int(exactly: count) else {
      throw error("\(count) bytes are needed, more than any file has", at: start)
    }
    return count
  }

  /// The bytes up to the next line feed, which is taken too.
  mutating func line() throws -> ArraySlice<UInt8> {
    let start = position
    while try byte() != 0x0A {}
    return bytes[start..<position - 1]
  }

  /// UTF-8 text.
  mutating func text(_ count: Int) throws -> String {
    let start = position
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw error("a text of \(count) bytes is not UTF-8", at: start)
    }
    return text
  }

  /// Begins a frame: no opcode may cross its end.
  mutating func beginFrame() throws {
    let count = try count8()
    guard frameEnd == nil else { throw error("a frame begins inside a frame") }
    try need(count)
    frameEnd = position + count
  }

  /// Ends a pickle: a frame that goes on behind STOP is an error.
  mutating func endPickle() throws {
    if let frameEnd, frameEnd != position {
      throw error("the pickle ends \(frameEnd - position) bytes before its frame")
    }
    frameEnd = nil
  }
}
