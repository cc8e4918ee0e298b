/// The filters of a dataset, if this library decodes them all.
enum ParsedFilters {
  case known([HDF5ChunkFilter])
  case unknown(reason: String)

  /// A filter pipeline: section IV.A.2.l of the specification.
  init(_ message: ByteReader) throws {
    var message = message
    let version = try message.expectVersion(1...2, "filter pipeline")
    let count = Int(try message.u8())
    guard count <= ParserLimits.filters else { throw ParseError.limit("filters", count, ParserLimits.filters) }
    if version == 1 { try message.skip(6) }
    var filters: [HDF5ChunkFilter] = []
    for _ in 0..<count {
      let number = Int32(try message.u16())
      let nameLength = version == 1 || number >= 256 ? Int(try message.u16()) : 0
      try message.skip(2)
      let valueCount = Int(try message.u16())
      guard version == 2 || nameLength % 8 == 0 else { throw ParseError("a filter's name of \(nameLength) bytes") }
      let name = try message.take(nameLength).slice.prefix { $0 != 0 }
      let width = valueCount > 0 ? try message.u32() : 0
      try message.skip(4 * max(0, valueCount - 1))
      if version == 1, valueCount % 2 == 1 { try message.skip(4) }
      switch number {
      // Where two compressions follow each other, nothing says how large the bytes between them are.
      case 1 where !filters.contains(where: \.isCompression): filters.append(.deflate)
      case FilterName.lzf where !filters.contains(where: \.isCompression): filters.append(.lzf)
      case 2 where width > 0: filters.append(.shuffle(width: Int(width)))
      case 3: filters.append(.fletcher32)
      default:
        self = .unknown(
          reason: FilterName.refusal(
            of: number, calledInFile: String(decoding: name, as: UTF8.self), behind: filters))
        return
      }
    }
    self = .known(filters)
  }
}
