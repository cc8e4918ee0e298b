/// The types of messages that are looked at: section IV.A.2 of the specification.
enum MessageType: UInt8 {
  case null = 0x00
  case dataspace = 0x01
  case linkInfo = 0x02
  case datatype = 0x03
  case oldFill = 0x04
  case fill = 0x05
  case link = 0x06
  case externalFiles = 0x07
  case layout = 0x08
  case filters = 0x0B
  case attribute = 0x0C
  case sharedMessageTable = 0x0F
  case continuation = 0x10
  case symbolTable = 0x11
  case driver = 0x14
  case attributeInfo = 0x15
  case cacheImage = 0x18
  /// Any other.
  case other = 0xFF
}

/// One message of an object header.
struct HeaderMessage {
  let type: MessageType
  let flags: UInt8
  /// When an attribute was made, if the object keeps that.
  let creationOrder: UInt16
  let body: ByteReader

  /// True if the body only says where the message is.
  var isShared: Bool { flags & 0x02 != 0 }
}

/// What an object consists of: section IV.A of the specification.
struct ObjectHeader {
  var messages: [HeaderMessage] = []
  /// True if it keeps the order in which its attributes were made.
  var tracksAttributeOrder = false
  fileprivate var byteCount = 0

  var isGroup: Bool { first(.linkInfo) != nil || first(.symbolTable) != nil }

  func first(_ type: MessageType) -> HeaderMessage? {
    for message in messages where message.type == type { return message }
    return nil
  }
}

extension MetadataReader {
  func objectHeader(at address: UInt64) throws -> ObjectHeader {
    try objectHeader(at: address, sizes: superblock.sizes)
  }

  /// - Complexity: O(size of the header). A block that is continued into twice is refused.
  func objectHeader(at address: UInt64, sizes: FieldSizes) throws -> ObjectHeader {
    var start = try file.bytes(at: address, count: 1, sizes: sizes)
    var header = ObjectHeader()
    header.messages.reserveCapacity(8)
    var continuations: [(address: UInt64, length: UInt64)] = []
    let version = try start.u8()
    let isOld = version == 1
    var hasOrder = false
    if isOld {
      start = try file.bytes(at: address, count: 16, sizes: sizes)
      try start.skip(8)
      var block = try file.bytes(at: address + 16, count: Int(start.u32()), sizes: sizes)
      try parse(&block, isOld: true, hasOrder: false, into: &header, &continuations)
    } else {
      var whole = try newHeader(at: address, sizes: sizes)
      try whole.skip(5)
      let flags = try whole.u8()
      hasOrder = flags & 0x04 != 0
      header.tracksAttributeOrder = hasOrder
      try whole.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0) + 1 << (flags & 3))
      var block = try whole.take(whole.remaining - 4)
      try parse(&block, isOld: false, hasOrder: hasOrder, into: &header, &continuations)
    }

    var next = 0
    var visited: Set<UInt64> = []
    while next < continuations.count {
      let (place, length) = continuations[next]
      next += 1
      guard visited.insert(place).inserted else { throw ParseError("its header has a loop at address \(place)") }
      guard next <= ParserLimits.headerBlocks else {
        throw ParseError.limit("blocks of its header", next, ParserLimits.headerBlocks)
      }
      guard let count = Int(exactly: length) else { throw ParseError("a block of \(length) bytes in its header") }
      var block = try file.bytes(at: place, count: count, sizes: sizes)
      if !isOld {
        try block.verifyChecksum("block of an object header")
        try block.expect("OCHK", "block of an object header")
        block = try block.take(block.remaining - 4)
      }
      try parse(&block, isOld: isOld, hasOrder: hasOrder, into: &header, &continuations)
    }
    return header
  }

  /// The first block of a header of version 2, from its signature to its checksum, which is right.
  private func newHeader(at address: UInt64, sizes: FieldSizes) throws -> ByteReader {
    var start = try file.bytes(at: address, count: 6, sizes: sizes)
    try start.expect("OHDR", "object header")
    _ = try start.expectVersion(2...2, "object header")
    let flags = try start.u8()
    guard flags & 0xC0 == 0 else { throw ParseError("flags \(flags) of an object header, which are not known") }
    let width = 1 << Int(flags & 3)
    let prefix = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    var size = try file.bytes(at: address + UInt64(prefix), count: width, sizes: sizes)
    let length = try size.number(width)
    guard length <= ParserLimits.structureBytes else {
      throw ParseError.limit("bytes of an object header", length, ParserLimits.structureBytes)
    }
    let whole = try file.bytes(at: address, count: prefix + width + Int(length) + 4, sizes: sizes)
    try whole.verifyChecksum("object header")
    return whole
  }

  private func parse(
    _ block: inout ByteReader, isOld: Bool, hasOrder: Bool, into header: inout ObjectHeader,
    _ continuations: inout [(address: UInt64, length: UInt64)]
  ) throws {
    header.byteCount += block.remaining
    guard header.byteCount <= ParserLimits.structureBytes else {
      throw ParseError.limit("bytes of an object header", header.byteCount, ParserLimits.structureBytes)
    }
    let prefix = isOld ? 8 : hasOrder ? 6 : 4
    // What is left is a gap.
    while block.remaining >= prefix {
      let number: UInt16
      var order: UInt16 = 0
      let size: Int
      let flags: UInt8
      if isOld {
        number = try block.u16()
        size = Int(try block.u16())
        flags = try block.u8()
        try block.skip(3)
        guard size % 8 == 0 else { throw ParseError("a message of \(size) bytes at byte \(block.fileOffset)") }
      } else {
        number = UInt16(try block.u8())
        size = Int(try block.u16())
        flags = try block.u8()
        if hasOrder { order = try block.u16() }
      }
      var body = try block.take(size)
      let type = number < 0xFF ? MessageType(rawValue: UInt8(number)) ?? .other : .other
      switch type {
      case .null: continue
      case .continuation:
        continuations.append((try body.address(of: "continuation of a header"), try body.length()))
      case .other:
        // "If the library encounters a message of unknown type with this bit set, it fails to open the object."
        guard number <= 0x18 || flags & 0x80 == 0 else {
          throw ParseError("it has a message of type \(number), which a reader must know")
        }
      default:
        guard header.messages.count < ParserLimits.headerMessages else {
          throw ParseError.limit("messages in its header", header.messages.count + 1, ParserLimits.headerMessages)
        }
        header.messages.append(HeaderMessage(type: type, flags: flags, creationOrder: order, body: body))
      }
    }
  }
}
