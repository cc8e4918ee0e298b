extension MetadataReader {
  /// The value of elements that were never written: sections IV.A.2.e and f of the specification.
  ///
  /// - Returns: the bytes of one element, little-endian, or nil if the file leaves them undefined.
  func fill(of header: ObjectHeader, _ type: ParsedDatatype) throws -> [UInt8]? {
    var value: [UInt8] = []
    if let message = header.first(.fill) {
      var body = try body(of: message)
      let version = try body.expectVersion(1...3, "fill value")
      let isDefined: Bool
      let writeTime: UInt8
      if version < 3 {
        try body.skip(1)
        writeTime = try body.u8()
        isDefined = try body.u8() != 0
        if isDefined { value = try fillBytes(&body) }
      } else {
        let flags = try body.u8()
        writeTime = flags >> 2 & 3
        isDefined = flags & 0x10 == 0
        if isDefined, flags & 0x20 != 0 { value = try fillBytes(&body) }
      }
      guard isDefined, writeTime != 1 else { return nil }
    } else if let message = header.first(.oldFill) {
      var body = try body(of: message)
      value = try fillBytes(&body)
      guard !value.isEmpty else { return nil }
    }
    guard !value.isEmpty else { return [UInt8](repeating: 0, count: type.size) }
    guard value.count == type.size else {
      throw ParseError("a fill value of \(value.count) bytes for elements of \(type.size)")
    }
    if type.isBigEndian { reverseBytes(of: &value, width: type.element.swapWidth) }
    return value
  }

  /// A size, below 0 or 0 if there is no value, and the value.
  private func fillBytes(_ body: inout ByteReader) throws -> [UInt8] {
    let size = Int32(bitPattern: try body.u32())
    return size <= 0 ? [] : Array(try body.take(Int(size)).slice)
  }
}
