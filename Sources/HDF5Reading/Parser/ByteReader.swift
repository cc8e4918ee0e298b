/// The widths of the numbers in a file that its superblock chooses, in bytes: 2, 4 or 8.
struct FieldSizes {
  var address = 8
  var length = 8
}

/// A part of a file that is in memory, and a place in it. All numbers are little-endian.
///
/// This is the one way to the bytes of metadata: what is not in the part cannot be read, and throws.
struct ByteReader {
  private let storage: [UInt8]
  private var position: Int
  private let end: Int
  /// Where in the file `storage` begins.
  private let origin: UInt64
  let sizes: FieldSizes

  init(_ storage: [UInt8], _ range: Range<Int>, origin: UInt64, sizes: FieldSizes) {
    precondition(range.lowerBound >= 0 && range.upperBound <= storage.count)
    self.storage = storage
    self.position = range.lowerBound
    self.end = range.upperBound
    self.origin = origin
    self.sizes = sizes
  }

  var remaining: Int { end - position }
  /// The byte of the file that comes next.
  var fileOffset: UInt64 { origin + UInt64(position) }
  /// What has not been read.
  var slice: ArraySlice<UInt8> { storage[position..<end] }

  @inline(never)
  private func short(_ count: Int) -> ParseError {
    ParseError("\(count) bytes are needed at byte \(fileOffset), the structure has \(remaining) left")
  }

  @inline(__always)
  private mutating func integer(_ width: Int) throws -> UInt64 {
    guard width <= end - position else { throw short(width) }
    var value: UInt64 = 0
    var index = width
    while index > 0 {
      index -= 1
      value = value << 8 | UInt64(storage[position + index])
    }
    position += width
    return value
  }

  mutating func u8() throws -> UInt8 {
    guard position < end else { throw short(1) }
    position += 1
    return storage[position - 1]
  }
  mutating func u16() throws -> UInt16 { UInt16(truncatingIfNeeded: try integer(2)) }
  mutating func u32() throws -> UInt32 { UInt32(truncatingIfNeeded: try integer(4)) }
  mutating func u64() throws -> UInt64 { try integer(8) }

  /// A number of 1 to 8 bytes.
  mutating func number(_ width: Int) throws -> UInt64 {
    guard (1...8).contains(width) else { throw ParseError("a number of \(width) bytes at byte \(fileOffset)") }
    return try integer(width)
  }

  /// A length, as wide as the file's lengths are.
  mutating func length() throws -> UInt64 { try sizes.length == 8 ? integer(8) : integer(sizes.length) }

  /// An address, or nil if all of its bits are set: then there is nothing.
  mutating func address() throws -> UInt64? {
    if sizes.address == 8 {
      let value = try integer(8)
      return value == .max ? nil : value
    }
    let value = try integer(sizes.address)
    return value == (1 << (8 * UInt64(sizes.address))) - 1 ? nil : value
  }

  /// An address that must be one.
  mutating func address(of what: String) throws -> UInt64 {
    let place = fileOffset
    guard let address = try address() else { throw ParseError("the \(what) named at byte \(place) has no address") }
    return address
  }

  mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= end - position else { throw short(count) }
    position += count
  }

  /// The next bytes as a part of their own.
  mutating func take(_ count: Int) throws -> ByteReader {
    let start = position
    try skip(count)
    return ByteReader(storage, start..<position, origin: origin, sizes: sizes)
  }

  /// A text that ends before the first null, which must be there unless `isOptional`.
  mutating func cString(nullIsOptional: Bool = false) throws -> ArraySlice<UInt8> {
    let start = position
    while position < end, storage[position] != 0 { position += 1 }
    let text = storage[start..<position]
    guard position < end else {
      guard nullIsOptional else { throw ParseError("a text at byte \(origin + UInt64(start)) has no end") }
      return text
    }
    position += 1
    return text
  }

  mutating func expect(_ signature: StaticString, _ what: String) throws {
    let place = fileOffset
    var found: [UInt8] = []
    for _ in 0..<signature.utf8CodeUnitCount { found.append(try u8()) }
    // Safe because a static string lives as long as the program.
    let matches = signature.withUTF8Buffer { unsafe found.elementsEqual($0) }
    guard matches else { throw ParseError("there is no \(what) at byte \(place): its signature is \(found)") }
  }

  mutating func expectVersion(_ versions: ClosedRange<UInt8>, _ what: String) throws -> UInt8 {
    let version = try u8()
    guard versions.contains(version) else {
      throw ParseError(
        "version \(version) of a \(what), versions \(versions.lowerBound) to \(versions.upperBound) are read",
        code: .unsupportedStorage)
    }
    return version
  }

  /// Compares the last 4 bytes of the part with the checksum of all before, which must not have been read yet.
  func verifyChecksum(_ what: String) throws {
    guard remaining >= 4 else { throw short(4) }
    var tail = self
    tail.position = end - 4
    let stored = try tail.u32()
    let computed = lookup3(storage, position..<end - 4)
    guard stored == computed else {
      throw ParseError(
        "the checksum of the \(what) at byte \(fileOffset) is 0x\(String(stored, radix: 16)), "
          + "its bytes give 0x\(String(computed, radix: 16))")
    }
  }
}

/// The hash of Bob Jenkins that HDF5 has as the checksum of metadata, `hashlittle` with the start value 0.
///
/// http://burtleburtle.net/bob/c/lookup3.c
package func lookup3(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
  var a: UInt32 = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: range.count)
  var b = a
  var c = a
  func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
  func word(_ index: Int) -> UInt32 {
    UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16 | UInt32(bytes[index + 3])
      << 24
  }
  var index = range.lowerBound
  while range.upperBound - index > 12 {
    a = a &+ word(index)
    b = b &+ word(index + 4)
    c = c &+ word(index + 8)
    a = (a &- c) ^ rotate(c, 4)
    c = c &+ b
    b = (b &- a) ^ rotate(a, 6)
    a = a &+ c
    c = (c &- b) ^ rotate(b, 8)
    b = b &+ a
    a = (a &- c) ^ rotate(c, 16)
    c = c &+ b
    b = (b &- a) ^ rotate(a, 19)
    a = a &+ c
    c = (c &- b) ^ rotate(b, 4)
    b = b &+ a
    index += 12
  }
  guard index < range.upperBound else { return c }
  for (place, byte) in bytes[index..<range.upperBound].enumerated() {
    let part = UInt32(byte) << (8 * UInt32(place % 4))
    switch place / 4 {
    case 0: a = a &+ part
    case 1: b = b &+ part
    default: c = c &+ part
    }
  }
  c = (c ^ b) &- rotate(b, 14)
  a = (a ^ c) &- rotate(c, 11)
  b = (b ^ a) &- rotate(a, 25)
  c = (c ^ b) &- rotate(b, 16)
  a = (a ^ c) &- rotate(c, 4)
  b = (b ^ a) &- rotate(a, 14)
  return (c ^ b) &- rotate(b, 24)
}
