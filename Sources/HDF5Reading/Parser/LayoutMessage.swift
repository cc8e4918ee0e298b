/// Where a dataset says that its data is: section IV.A.2.i of the specification.
enum ParsedLayout {
  case compact(ByteReader)
  /// The size is nil where the message has none.
  case contiguous(address: UInt64?, size: UInt64?)
  case chunked(ChunkLayout)
  case virtual

  init(_ message: ByteReader) throws {
    var message = message
    let version = try message.expectVersion(1...5, "layout")
    if version < 3 {
      self = try Self.old(&message)
      return
    }
    switch try message.u8() {
    case 0: self = .compact(try message.take(Int(message.u16())))
    case 1: self = .contiguous(address: try message.address(), size: try message.length())
    case 2: self = .chunked(version == 3 ? try Self.chunks(&message) : try Self.indexedChunks(&message))
    case 3 where version > 3: self = .virtual
    case let kind: throw ParseError("its layout \(kind) is unknown", code: .unsupportedStorage)
    }
  }

  private static func old(_ message: inout ByteReader) throws -> ParsedLayout {
    let rank = Int(try message.u8())
    let kind = try message.u8()
    try message.skip(5)
    switch kind {
    case 0:
      try message.skip(4 * rank)
      return .compact(try message.take(Int(message.u32())))
    case 1: return .contiguous(address: try message.address(), size: nil)
    case 2:
      let address = try message.address()
      return .chunked(
        ChunkLayout(dimensions: try dimensions(&message, rank, width: 4), index: .tree1, address: address))
    default: throw ParseError("its layout \(kind) is unknown", code: .unsupportedStorage)
    }
  }

  private static func dimensions(_ message: inout ByteReader, _ rank: Int, width: Int) throws -> [UInt64] {
    guard (2...ParserLimits.rank + 1).contains(rank) else { throw ParseError("chunks of \(rank - 1) dimensions") }
    return try (0..<rank).map { _ in try message.number(width) }
  }

  private static func chunks(_ message: inout ByteReader) throws -> ChunkLayout {
    let rank = Int(try message.u8())
    let address = try message.address()
    return ChunkLayout(dimensions: try dimensions(&message, rank, width: 4), index: .tree1, address: address)
  }

  private static func indexedChunks(_ message: inout ByteReader) throws -> ChunkLayout {
    let flags = try message.u8()
    guard flags & 0xFC == 0 else { throw ParseError("flags \(flags) of chunks, which are not known") }
    let rank = Int(try message.u8())
    let width = Int(try message.u8())
    let dimensions = try dimensions(&message, rank, width: width)
    let index: ChunkLayout.Index
    switch try message.u8() {
    case 1:
      index =
        flags & 2 != 0 ? .single(size: try message.length(), mask: try message.u32()) : .single(size: nil, mask: 0)
    case 2: index = .implicit
    case 3:
      try message.skip(1)
      index = .fixedArray
    case 4:
      try message.skip(5)
      index = .extensibleArray
    case 5:
      try message.skip(6)
      index = .tree2
    case let kind: throw ParseError("an index of chunks of type \(kind)", code: .unsupportedStorage)
    }
    return ChunkLayout(
      dimensions: dimensions, index: index, leavesPartialChunksUnfiltered: flags & 1 != 0,
      address: try message.address())
  }
}

/// The chunks of a dataset as its layout has them.
struct ChunkLayout {
  enum Index {
    case tree1
    case single(size: UInt64?, mask: UInt32)
    case implicit
    case fixedArray
    case extensibleArray
    case tree2
  }

  /// Those of a chunk, and then the size of an element in bytes.
  let dimensions: [UInt64]
  let index: Index
  var leavesPartialChunksUnfiltered = false
  /// The address of the index, or of the only chunk, or of the first one; nil if there is nothing yet.
  let address: UInt64?
}
