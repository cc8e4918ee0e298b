/// A link as a group stores it.
struct ParsedLink {
  enum Target {
    case hard(UInt64)
    case soft(String)
    case external(file: String, object: String)
    case userDefined
  }

  let name: ArraySlice<UInt8>
  /// When it was made, if the group keeps that.
  let order: UInt64
  let target: Target
}

extension MetadataReader {
  /// The links of a group, in the order of their creation where it is kept, else by name.
  ///
  /// - Complexity: O(n log n).
  func links(of header: ObjectHeader) throws -> [ParsedLink] {
    guard let info = header.first(.linkInfo) else {
      guard let table = header.first(.symbolTable) else { throw ParseError("it is not a group") }
      return try symbols(body(of: table))
    }
    var body = try body(of: info)
    _ = try body.expectVersion(0...0, "link info")
    let flags = try body.u8()
    let isTracked = flags & 1 != 0
    if isTracked { try body.skip(8) }
    let heap = try body.address()
    let names = try body.address()
    var links: [ParsedLink] = []
    if let heap {
      guard let names else { throw ParseError("its links have no index") }
      let heap = try FractalHeap(self, at: heap)
      try BTree2(self, at: names, types: [5]).forEachRecord { record in
        guard links.count < ParserLimits.links else {
          throw ParseError.limit("links in one group", links.count + 1, ParserLimits.links)
        }
        try record.skip(4)
        links.append(try link(heap.object(record.take(7))))
      }
    } else {
      for message in header.messages where message.type == .link {
        links.append(try link(self.body(of: message)))
      }
    }
    if isTracked {
      links.sort { $0.order < $1.order }
    } else {
      links.sort { $0.name.lexicographicallyPrecedes($1.name) }
    }
    return links
  }

  /// A link message: section IV.A.2.g of the specification.
  private func link(_ message: ByteReader) throws -> ParsedLink {
    var message = message
    _ = try message.expectVersion(1...1, "link")
    let flags = try message.u8()
    let kind = flags & 0x08 != 0 ? try message.u8() : 0
    let order = flags & 0x04 != 0 ? try message.u64() : 0
    if flags & 0x10 != 0 { try message.skip(1) }
    let length = try message.number(1 << Int(flags & 3))
    guard length > 0, length <= 65_536 else { throw ParseError.limit("bytes in the name of a link", length, 65_536) }
    let name = try message.take(Int(length)).slice
    let target: ParsedLink.Target
    switch kind {
    case 0: target = .hard(try message.address(of: "object of a link"))
    case 1:
      var value = try message.take(Int(message.u16()))
      target = .soft(String(decoding: try value.cString(nullIsOptional: true), as: UTF8.self))
    case 64:
      var value = try message.take(Int(message.u16()))
      try value.skip(1)
      let file = String(decoding: try value.cString(), as: UTF8.self)
      target = .external(file: file, object: String(decoding: try value.cString(), as: UTF8.self))
    default: target = .userDefined
    }
    return ParsedLink(name: name, order: order, target: target)
  }

  /// The members of a group of the old kind: sections III.B to III.D of the specification.
  private func symbols(_ message: ByteReader) throws -> [ParsedLink] {
    var message = message
    let root = try message.address(of: "tree of a group")
    let texts = try localHeap(at: message.address(of: "heap of a group"))
    let width = superblock.sizes.address
    var links: [ParsedLink] = []
    var tree = BTree1(self, type: 0, keySize: superblock.sizes.length)
    var visited: Set<UInt64> = []
    try tree.forEachChild(of: root) { address, _, _ in
      guard visited.insert(address).inserted else { throw ParseError("a group lists address \(address) twice") }
      var head = try bytes(at: address, count: 8)
      try head.expect("SNOD", "list of members")
      _ = try head.expectVersion(1...1, "list of members")
      try head.skip(1)
      let count = Int(try head.u16())
      guard links.count + count <= ParserLimits.links else {
        throw ParseError.limit("links in one group", links.count + count, ParserLimits.links)
      }
      var entries = try bytes(at: address + 8, count: count * (2 * width + 24))
      for _ in 0..<count {
        let name = try texts.text(at: entries.number(width))
        let object = try entries.address()
        let kind = try entries.u32()
        try entries.skip(4)
        var scratch = try entries.take(16)
        let target: ParsedLink.Target
        if kind == 2 {
          target = .soft(String(decoding: try texts.text(at: UInt64(scratch.u32())), as: UTF8.self))
        } else {
          guard let object else { throw ParseError("a member has no address") }
          target = .hard(object)
        }
        links.append(ParsedLink(name: name, order: 0, target: target))
      }
    }
    return links
  }

  private func localHeap(at address: UInt64) throws -> LocalHeap {
    let sizes = superblock.sizes
    var head = try bytes(at: address, count: 8 + 2 * sizes.length + sizes.address)
    try head.expect("HEAP", "heap of names")
    _ = try head.expectVersion(0...0, "heap of names")
    try head.skip(3)
    let length = try head.length()
    _ = try head.length()
    return LocalHeap(data: try bytes(at: head.address(of: "data of a heap"), length: length))
  }
}

/// The texts of a group of the old kind.
private struct LocalHeap {
  let data: ByteReader

  func text(at offset: UInt64) throws -> ArraySlice<UInt8> {
    guard offset < UInt64(data.remaining) else {
      throw ParseError("a name at place \(offset) of a heap of \(data.remaining) bytes")
    }
    var data = data
    try data.skip(Int(offset))
    return try data.cString()
  }
}
