internal import TensorFerryTensors

/// The fields of a protocol buffer message, from front to back; what a field holds stays in the file.
///
/// The wire format is that of https://protobuf.dev/programming-guides/encoding. Groups are refused, as is a varint that
/// takes more bytes than it needs to hold 64 bits.
struct ProtobufFields {
  enum Value {
    case varint(UInt64)
    /// 4 or 8 bytes, or as many as the field says: a text, a message, packed numbers.
    case bytes(Range<UInt64>)
  }

  struct Field {
    let number: UInt64
    /// 0 for a varint, 1 for 8 bytes, 2 for a length and bytes, 5 for 4 bytes.
    let wireType: UInt64
    let value: Value
    /// Where the field begins.
    let offset: UInt64
  }

  private let file: SourceFile
  private let format: String
  private(set) var offset: UInt64 = 0
  private var window: (start: UInt64, bytes: [UInt8]) = (0, [])

  init(_ file: SourceFile, format: String) {
    self.file = file
    self.format = format
  }

  /// The next field, or nil at the end of the file.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed`.
  mutating func next() throws -> Field? {
    guard offset < file.byteCount else { return nil }
    let start = offset
    let tag = try varint()
    let (number, wireType) = (tag >> 3, tag & 7)
    guard number > 0, number < 1 << 29 else { throw error("there is no field \(number)", at: start) }
    switch wireType {
    case 0: return Field(number: number, wireType: wireType, value: .varint(try varint()), offset: start)
    case 1, 2, 5:
      let count = wireType == 1 ? 8 : wireType == 5 ? 4 : try varint()
      guard count <= file.byteCount - offset else {
        throw error("field \(number) has \(count) bytes, \(file.byteCount - offset) are left", at: start)
      }
      defer { offset += count }
      return Field(number: number, wireType: wireType, value: .bytes(offset..<offset + count), offset: start)
    default: throw error("field \(number) has the wire type \(wireType), which is not known", at: start)
    }
  }

  private mutating func varint() throws -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for index in 0..<10 {
      let byte = try byte()
      // Of the tenth byte one bit is left.
      guard index < 9 || byte < 2 else { break }
      value |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 { return value }
    }
    throw error("a number has more than 64 bits", at: start)
  }

  private mutating func byte() throws -> UInt8 {
    if offset < window.start || offset - window.start >= UInt64(window.bytes.count) {
      guard offset < file.byteCount else { throw error("the file ends inside a field", at: offset) }
      window = (offset, try file.read(at: offset, count: Int(min(4096, file.byteCount - offset))))
    }
    defer { offset += 1 }
    return window.bytes[Int(offset - window.start)]
  }

  private func error(_ reason: String, at offset: UInt64) -> WeightFileError {
    WeightFileError(.malformed, reason, file: file.path, format: format, place: .byte(offset))
  }
}

extension ByteCursor {
  /// The next varint: seven bits a byte, the lowest first.
  mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<10 {
      let byte = try integer(UInt8.self)
      guard index < 9 || byte < 2 else { break }
      value |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 { return value }
    }
    throw error("a number has more than 64 bits")
  }
}
