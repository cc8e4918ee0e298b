internal import TensorFerryTensors

/// The extra fields of a member that change how the rest of its header is read.
struct ZipExtraFields {
  /// The 64-bit numbers, in order.
  private(set) var wide: [UInt64] = []
  /// A name in UTF-8 that stands for the one in the header.
  private(set) var unicodeName: [UInt8]?

  init(_ bytes: ArraySlice<UInt8>, of name: String, in source: ZipSource) throws {
    func malformed(_ reason: String) -> WeightFileError { source.malformed(reason, .member(name)) }
    var cursor = ByteCursor(bytes, format: source.format)
    var seen: Set<UInt16> = []
    while !cursor.isAtEnd {
      guard cursor.remaining >= 4 else { throw malformed("\(cursor.remaining) bytes stand behind the extra fields") }
      let identifier = try cursor.integer(UInt16.self)
      let count = Int(try cursor.integer(UInt16.self))
      guard count <= cursor.remaining else {
        throw malformed("an extra field of \(count) bytes has only \(cursor.remaining)")
      }
      let field = try cursor.take(count)
      switch identifier {
      case 0x0001:
        guard seen.insert(identifier).inserted else { throw malformed("the 64-bit extra field appears twice") }
        // The fourth number, of a disk, is refused with archives of several disks.
        guard count % 8 == 0, count <= 24 else { throw malformed("the 64-bit extra field has \(count) bytes") }
        var numbers = ByteCursor(field, format: source.format)
        while !numbers.isAtEnd { wide.append(try numbers.integer()) }
      case 0x7075:
        guard seen.insert(identifier).inserted else { throw malformed("the unicode name appears twice") }
        // A version of one byte and a checksum of four stand before the name.
        guard count >= 5 else { throw malformed("the unicode name has only \(count) bytes") }
        unicodeName = Array(field.dropFirst(5))
      default: break
      }
    }
  }
}
