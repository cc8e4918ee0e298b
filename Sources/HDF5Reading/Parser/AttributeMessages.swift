extension MetadataReader {
  /// The attributes of an object, in the order of their creation where it is kept, else by name.
  ///
  /// Types and contents that are not read come as `.unsupported`.
  func attributes(of header: ObjectHeader) throws -> [HDF5Attribute] {
    var found: [(order: UInt32, message: ByteReader)] = []
    if let info = header.first(.attributeInfo) { found = try denseAttributes(body(of: info)) }
    if found.isEmpty {
      for message in header.messages where message.type == .attribute {
        found.append((UInt32(message.creationOrder), try body(of: message)))
      }
    }
    guard !found.isEmpty else { return [] }
    guard found.count <= ParserLimits.attributes else {
      throw ParseError(
        "more than the \(ParserLimits.attributes) attributes that are read", code: .limitExceeded)
    }
    var byteCount = 0
    var attributes: [(order: UInt32, name: ArraySlice<UInt8>, attribute: HDF5Attribute)] = []
    for (order, message) in found {
      let (name, attribute) = try attribute(message, byteCount: &byteCount)
      attributes.append((order, name, attribute))
    }
    if header.tracksAttributeOrder {
      attributes.sort { $0.order < $1.order }
    } else {
      attributes.sort { $0.name.lexicographicallyPrecedes($1.name) }
    }
    return attributes.map(\.attribute)
  }

  /// Attributes in a heap, if there are any: section IV.A.2.v of the specification.
  private func denseAttributes(_ info: ByteReader) throws -> [(order: UInt32, message: ByteReader)] {
    var info = info
    _ = try info.expectVersion(0...0, "attribute info")
    if try info.u8() & 1 != 0 { try info.skip(2) }
    guard let address = try info.address() else { return [] }
    let names = try info.address(of: "index of attributes")
    let heap = try FractalHeap(self, at: address)
    var found: [(order: UInt32, message: ByteReader)] = []
    try BTree2(self, at: names, types: [8]).forEachRecord { record in
      guard found.count <= ParserLimits.attributes else { return }
      let identifier = try record.take(8)
      let flags = try record.u8()
      let order = try record.u32()
      found.append((order, try flags & 2 != 0 ? sharedHeap(.attribute).object(identifier) : heap.object(identifier)))
    }
    return found
  }

  /// An attribute message: section IV.A.2.m of the specification.
  private func attribute(
    _ message: ByteReader, byteCount: inout Int
  ) throws -> (name: ArraySlice<UInt8>, attribute: HDF5Attribute) {
    var message = message
    let version = try message.expectVersion(1...3, "attribute")
    let flags = try message.u8()
    let sizes = (Int(try message.u16()), Int(try message.u16()), Int(try message.u16()))
    if version == 3 { try message.skip(1) }
    // Version 1 fills every part up to a multiple of 8.
    func padded(_ size: Int) -> Int { version == 1 ? (size + 7) / 8 * 8 : size }
    var text = try message.take(padded(sizes.0))
    let name = try text.cString(nullIsOptional: true)
    try keep(bytes: name.count)
    guard let decoded = String(validating: name, as: UTF8.self) else {
      let display = String(decoding: name, as: UTF8.self)
      return (name, HDF5Attribute(name: display, value: .unsupported("its name is not UTF-8")))
    }
    do {
      var type = try message.take(padded(sizes.1))
      var space = try message.take(padded(sizes.2))
      if version > 1, flags & 1 != 0 { type = try sharedBody(.datatype, type) }
      if version > 1, flags & 2 != 0 { space = try sharedBody(.dataspace, space) }
      let (dimensions, value) = try value(message, ParsedDatatype(type), ParsedDataspace(space), &byteCount)
      return (name, HDF5Attribute(name: decoded, dimensions: dimensions, value: value))
    } catch let error as ParseError where error.code != .limitExceeded {
      return (name, HDF5Attribute(name: decoded, value: .unsupported(error.reason)))
    }
  }

  private func value(
    _ data: ByteReader, _ type: ParsedDatatype, _ space: ParsedDataspace, _ byteCount: inout Int
  ) throws -> (dimensions: [UInt64], value: HDF5AttributeValue) {
    guard !space.isNull else { return (space.dimensions, .null) }
    let limit = ParserLimits.attributeBytes
    guard let size = checkedByteCount(space.dimensions, elementSize: type.size), size <= limit else {
      return (space.dimensions, .unsupported("\(space.dimensions) elements are more than \(limit) bytes"))
    }
    if case .unsupported(let description) = type.element { return (space.dimensions, .unsupported(description)) }
    var data = data
    var stored = try data.take(size)
    byteCount += size
    guard case .string(let string) = type.element, string.fixedLength == nil else {
      guard byteCount <= limit else { throw ParseError.limit("bytes of attributes of one object", byteCount, limit) }
      try keep(bytes: size)
      return (
        space.dimensions,
        HDF5AttributeValue(decoding: Array(stored.slice), as: type.element, isBigEndian: type.isBigEndian)
      )
    }
    guard let texts = try self.texts(&stored, count: size / type.size, &byteCount) else {
      return (space.dimensions, .unsupported("text that is not UTF-8"))
    }
    return (space.dimensions, .strings(texts))
  }

  /// Strings of variable length, or nil if one is not UTF-8. A null reference is an empty string.
  func texts(_ references: inout ByteReader, count: Int, _ byteCount: inout Int) throws -> [String]? {
    var texts: [String] = []
    texts.reserveCapacity(count)
    var isValid = true
    for _ in 0..<count {
      let bytes = try variableLengthValue(&references) ?? []
      byteCount += bytes.count
      guard byteCount <= ParserLimits.attributeBytes else {
        throw ParseError.limit("bytes of text in one object", byteCount, ParserLimits.attributeBytes)
      }
      try keep(bytes: bytes.count)
      if let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) {
        texts.append(text)
      } else {
        isValid = false
      }
    }
    return isValid ? texts : nil
  }
}
