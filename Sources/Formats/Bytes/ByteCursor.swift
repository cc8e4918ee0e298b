internal import TensorFerryTensors

/// Reads numbers and texts from bytes in memory, from front to back; every read is checked.
struct ByteCursor {
  private let bytes: ArraySlice<UInt8>
  /// The offset in the file of the first byte.
  private let base: UInt64
  private let format: String
  private var index: Int
  var isBigEndian = false

  init(_ bytes: ArraySlice<UInt8>, base: UInt64 = 0, format: String) {
    self.bytes = bytes
    self.base = base
    self.format = format
    index = bytes.startIndex
  }

  init(_ bytes: [UInt8], base: UInt64 = 0, format: String) {
    self.init(bytes[...], base: base, format: format)
  }

  /// The offset in the file of the next byte.
  var offset: UInt64 { base + UInt64(index - bytes.startIndex) }
  var remaining: Int { bytes.endIndex - index }
  var isAtEnd: Bool { index == bytes.endIndex }

  /// The next `count` bytes.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed` if fewer are left.
  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw error("\(count) bytes are needed, \(remaining) are left")
    }
    defer { index += count }
    return bytes[index..<index + count]
  }

  /// The next integer, in the byte order of the cursor.
  mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws -> Value {
    let slice = try take(Value.bitWidth / 8)
    let value = slice.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    return isBigEndian ? Value(bigEndian: value) : Value(littleEndian: value)
  }

  /// The next `count` bytes as UTF-8 text.
  mutating func text(_ count: Int) throws -> String {
    let start = offset
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw WeightFileError(.malformed, "a text of \(count) bytes is not UTF-8", format: format, place: .byte(start))
    }
    return text
  }

  /// An error at the place of the cursor.
  func error(_ reason: String) -> WeightFileError {
    WeightFileError(.malformed, reason, format: format, place: .byte(offset))
  }
}
