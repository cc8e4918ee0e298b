/// The shape of a dataset or attribute: section IV.A.2.b of the specification.
struct ParsedDataspace {
  var dimensions: [UInt64] = []
  /// nil where a dimension may grow without end; the dimensions themselves if none may grow.
  var maximum: [UInt64?] = []
  var isNull = false

  init(_ message: ByteReader) throws {
    var message = message
    let version = try message.expectVersion(1...2, "dataspace")
    let rank = Int(try message.u8())
    let flags = try message.u8()
    guard rank <= ParserLimits.rank else { throw ParseError.limit("dimensions", rank, ParserLimits.rank) }
    if version == 1 {
      try message.skip(5)
    } else {
      let kind = try message.u8()
      guard kind <= 2, kind == 1 ? rank > 0 : rank == 0 else {
        throw ParseError("a dataspace of kind \(kind) with \(rank) dimensions")
      }
      isNull = kind == 2
    }
    guard rank > 0 else { return }
    dimensions.reserveCapacity(rank)
    for _ in 0..<rank { dimensions.append(try message.length()) }
    guard flags & 1 != 0 else {
      maximum = dimensions
      return
    }
    let unlimited = message.sizes.length == 8 ? UInt64.max : 1 << (8 * UInt64(message.sizes.length)) - 1
    maximum.reserveCapacity(rank)
    for dimension in dimensions {
      let most = try message.length()
      guard most >= dimension else { throw ParseError("a dimension of \(dimension), which may be \(most) at most") }
      maximum.append(most == unlimited ? nil : most)
    }
  }
}
