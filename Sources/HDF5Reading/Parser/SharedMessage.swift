extension MetadataReader {
  /// The body of a message, wherever it is: in the header, in the header of a committed datatype, or in the heap of
  /// shared messages.
  func body(of message: HeaderMessage) throws -> ByteReader {
    guard message.isShared else { return message.body }
    return try sharedBody(message.type, message.body)
  }

  /// Follows the reference that stands in the place of a message: section IV.A.2.d of the specification.
  func sharedBody(_ type: MessageType, _ reference: ByteReader) throws -> ByteReader {
    var reference = reference
    let version = try reference.expectVersion(1...3, "shared message")
    let kind = try reference.u8()
    if version == 1 { try reference.skip(6) }
    if version == 3, kind == 1 { return try sharedHeap(type).object(reference.take(8)) }
    let address = try reference.address(of: "shared message")
    guard let message = try objectHeader(at: address).first(type) else {
      throw ParseError("it shares a message with the object at address \(address), which has none of that type")
    }
    // One step leads to a committed datatype, which may be in the heap itself, but never to another one.
    guard message.isShared else { return message.body }
    var again = message.body
    guard try again.u8() == 3, try again.u8() == 1 else {
      throw ParseError("it shares a message that is shared itself, at address \(address)")
    }
    return try sharedHeap(type).object(again.take(8))
  }

  /// The heap that holds the shared messages of a type: section III.G of the specification.
  func sharedHeap(_ type: MessageType) throws -> FractalHeap {
    if let heap = sharedHeaps[type.rawValue] { return heap }
    guard let (address, count) = superblock.sharedMessages else {
      throw ParseError("it shares a message, and the file has no table of shared messages")
    }
    let width = superblock.sizes.address
    var table = try bytes(at: address, count: 4 + count * (14 + 2 * width) + 4)
    try table.verifyChecksum("table of shared messages")
    try table.expect("SMTB", "table of shared messages")
    for _ in 0..<count {
      _ = try table.expectVersion(0...0, "index of shared messages")
      try table.skip(1)
      let types = try table.u16()
      try table.skip(10)
      _ = try table.address()
      let heap = try table.address()
      guard type.rawValue < 16, types >> UInt16(type.rawValue) & 1 == 1, let heap else { continue }
      let result = try FractalHeap(self, at: heap)
      sharedHeaps[type.rawValue] = result
      return result
    }
    throw ParseError("it shares a message of type \(type.rawValue), of which the file keeps none")
  }
}
