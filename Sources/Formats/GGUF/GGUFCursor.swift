internal import TensorFerryTensors

/// Reads a header of unknown length from front to back, through a window of the file; every read is checked.
struct GGUFCursor {
  private let file: SourceFile
  private var window: [UInt8] = []
  private var windowStart: UInt64 = 0
  private var index = 0
  var isBigEndian = false
  /// Elements of metadata arrays that were read so far.
  var arrayElementCount = 0

  private static let windowSize: UInt64 = 1 << 16

  init(_ file: SourceFile) { self.file = file }

  /// The offset in the file of the next byte.
  var offset: UInt64 { windowStart + UInt64(index) }

  /// The bytes that the file has from here on.
  var remaining: UInt64 { file.byteCount - offset }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    let wanted = UInt64(count)
    guard wanted <= remaining else {
      throw malformed("\(count) bytes are needed, \(remaining) are left in the file")
    }
    let (end, limit) = (offset + wanted, GGUFLimits.headerByteCount)
    guard end <= limit else {
      throw malformed("the header has more than \(end) bytes, the limit is \(limit)")
    }
    if count > window.count - index {
      let start = offset
      window = try file.read(at: start, count: Int(min(max(wanted, Self.windowSize), file.byteCount - start)))
      (windowStart, index) = (start, 0)
    }
    defer { index += count }
    return window[index..<index + count]
  }

  /// The next integer, in the byte order of the file.
  mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws -> Value {
    let value = try take(Value.bitWidth / 8).withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    return isBigEndian ? Value(bigEndian: value) : Value(littleEndian: value)
  }

  /// The next text, behind its length.
  mutating func bytes(upTo limit: Int, _ what: String) throws -> ArraySlice<UInt8> {
    let start = offset
    let count: UInt64 = try integer()
    guard count <= min(remaining, UInt64(limit)) else {
      let allowed = min(remaining, UInt64(limit))
      throw malformed("\(what) has \(count) bytes, at most \(allowed) are possible here", at: start)
    }
    return try take(Int(count))
  }

  /// The next text, which must be UTF-8 without NUL: a key or the name of a tensor.
  mutating func identifier(upTo limit: Int, _ what: String) throws -> String {
    let start = offset
    let bytes = try bytes(upTo: limit, what)
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw malformed("\(what) of \(bytes.count) bytes is not UTF-8 without NUL", at: start)
    }
    return text
  }

  /// A number of entries that take at least `size` bytes each.
  mutating func count(of what: String, size: UInt64, limit: UInt64) throws -> Int {
    let start = offset
    let count: UInt64 = try integer()
    guard count <= limit else {
      throw malformed("there are \(count) \(what), the limit is \(limit)", at: start)
    }
    guard count <= remaining / size else {
      throw malformed("\(count) \(what) do not fit in the \(remaining) bytes that are left", at: start)
    }
    return Int(count)
  }

  /// An error at a place, or here.
  func malformed(_ reason: String, tensor: String? = nil, at place: UInt64? = nil) -> WeightFileError {
    WeightFileError(.malformed, reason, format: GGUFFormat.name, tensor: tensor, place: .byte(place ?? offset))
  }
}
