internal import TensorFerryTensors

/// What the central directory says of a member.
struct ZipHeader {
  let name: String
  let flags: UInt16
  let method: UInt16
  let crc32: UInt32
  private(set) var compressedByteCount: UInt64
  private(set) var byteCount: UInt64
  private(set) var headerOffset: UInt64

  static let size = 46
  /// Set if the checksum and the sizes follow the data.
  static let descriptorFlag: UInt16 = 1 << 3
  static let utf8Flag: UInt16 = 1 << 11

  var hasDescriptor: Bool { flags & Self.descriptorFlag != 0 }

  /// Reads the entry at the cursor and checks what can be checked without the member itself.
  init(_ cursor: inout ByteCursor, in source: ZipSource, limits: ZipLimits) throws {
    let place = Place.byte(cursor.offset)
    guard try cursor.integer(UInt32.self) == 0x0201_4B50 else {
      throw source.malformed("no entry of the central directory begins here", place)
    }
    _ = try cursor.take(4)
    flags = try cursor.integer()
    method = try cursor.integer()
    _ = try cursor.take(4)
    crc32 = try cursor.integer()
    compressedByteCount = UInt64(try cursor.integer(UInt32.self))
    byteCount = UInt64(try cursor.integer(UInt32.self))
    let nameCount = Int(try cursor.integer(UInt16.self))
    let extraCount = Int(try cursor.integer(UInt16.self))
    let commentCount = Int(try cursor.integer(UInt16.self))
    let disk = try cursor.integer(UInt16.self)
    _ = try cursor.take(6)
    headerOffset = UInt64(try cursor.integer(UInt32.self))
    name = try Self.name(try cursor.take(nameCount), flags: flags, in: source, place)
    let extra = try ZipExtraFields(try cursor.take(extraCount), of: name, in: source)
    _ = try cursor.take(commentCount)

    var wide = extra.wide[...]
    for field in [\Self.byteCount, \.compressedByteCount, \.headerOffset] where self[keyPath: field] == UInt32.max {
      guard let value = wide.popFirst() else {
        throw source.malformed("the 64-bit extra field is missing or too short", .member(name))
      }
      self[keyPath: field] = value
    }
    guard wide.isEmpty else {
      throw source.malformed("the 64-bit extra field repeats what the header says in 32 bits", .member(name))
    }
    guard extra.unicodeName == nil || extra.unicodeName == Array(name.utf8) else {
      throw source.malformed("an extra field gives the member another name", .member(name))
    }
    guard disk == 0 else { throw source.error(.unsupported, "the member lies on disk \(disk)", .member(name)) }
    try check(source, limits)
  }

  private static func name(_ bytes: ArraySlice<UInt8>, flags: UInt16, in source: ZipSource, _ place: Place) throws
    -> String
  {
    guard flags & utf8Flag != 0 || bytes.allSatisfy({ $0 < 0x80 }) else {
      throw source.error(.unsupported, "the name is not ASCII, and no flag says in which encoding it is", place)
    }
    guard let name = String(validating: bytes, as: UTF8.self) else {
      throw source.malformed("a name of \(bytes.count) bytes is not UTF-8", place)
    }
    if let problem = ZipMember.problem(ofName: name) { throw source.error(.refused, problem, .member(name)) }
    return name
  }

  private func check(_ source: ZipSource, _ limits: ZipLimits) throws {
    let place = Place.member(name)
    // Bits 1 and 2 tell how hard the writer tried to deflate.
    let unknown = flags & ~(0b110 | Self.descriptorFlag | Self.utf8Flag)
    guard unknown & 0b10_0000_0100_0001 == 0 else {
      throw source.error(.unsupported, "the member is encrypted", place)
    }
    guard unknown == 0 else {
      throw source.error(.unsupported, "the flags 0x\(String(unknown, radix: 16)) are not known", place)
    }
    switch method {
    case 0:
      guard byteCount == compressedByteCount else {
        throw source.malformed("stored: \(byteCount) bytes are said to take \(compressedByteCount)", place)
      }
    case 8:
      let (allowed, overflow) = compressedByteCount.multipliedReportingOverflow(by: limits.expansion)
      guard byteCount <= limits.freeByteCount || overflow || byteCount <= allowed else {
        throw source.malformed(
          "\(compressedByteCount) deflated bytes are said to hold \(byteCount), the limit is \(limits.expansion) times",
          place)
      }
    default:
      let names: [UInt16: String] = [9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard", 95: "xz", 99: "AES"]
      let method = names[method].map { "\(self.method) (\($0))" } ?? "\(method)"
      throw source.error(.unsupported, "the compression method is \(method), only 0 and 8 are read", place)
    }
    guard name.utf8.last != UInt8(ascii: "/") || byteCount == 0 else {
      throw source.malformed("a folder has \(byteCount) bytes", place)
    }
  }
}
