/// What the elements of a dataset or attribute are: section IV.A.2.d of the specification.
///
/// Whatever differs in any detail from a known type is unsupported.
struct ParsedDatatype {
  let element: HDF5ElementType
  let isBigEndian: Bool
  /// The size of an element in the file, in bytes.
  let size: Int

  private enum Kind: UInt8 {
    case integer, float, time, string, bitfield, opaque, compound, reference, enumeration, sequence, array, complex
  }

  init(_ message: ByteReader) throws {
    var message = message
    self = try Self.read(&message, level: 0)
  }

  private init(_ element: HDF5ElementType, size: Int, isBigEndian: Bool = false) {
    self.element = element
    self.size = size
    self.isBigEndian = isBigEndian
  }

  private static func read(_ message: inout ByteReader, level: Int) throws -> ParsedDatatype {
    let place = message.fileOffset
    let head = try message.u32()
    let version = UInt8(head >> 4 & 0xF)
    let bits = head >> 8
    let size = Int(try message.u32())
    guard (1...5).contains(version), let kind = Kind(rawValue: UInt8(head & 0xF)), size > 0, level < 4 else {
      throw ParseError(
        "a datatype of class \(head & 0xF), version \(version) and \(size) bytes at byte \(place), which is not known",
        code: .unsupportedType)
    }
    func unsupported(_ what: String) -> ParsedDatatype { ParsedDatatype(.unsupported(what), size: size) }
    switch kind {
    case .integer: return try integer(&message, bits: bits, size: size)
    case .float: return try float(&message, bits: bits, size: size)
    case .string: return ParsedDatatype(string(bits & 0xF, bits >> 4 & 0xF, length: size), size: size)
    case .opaque:
      let tag = try message.take(min(message.remaining, Int(bits & 0xFF)))
      let text = String(decoding: tag.slice.prefix { $0 != 0 }, as: UTF8.self)
      return ParsedDatatype(.opaque(size: size, tag: text), size: size)
    case .enumeration: return try enumeration(&message, version, count: Int(bits & 0xFFFF), size: size, level: level)
    case .compound: return try compound(&message, version, count: Int(bits & 0xFFFF), size: size, level: level)
    case .complex:
      // HDF5 2.0: bit 0 means that the parts are next to each other, real before imaginary.
      let part = try read(&message, level: level + 1)
      return complex(part, part, size: size) ?? unsupported("a complex number of 2 \(part.element)")
    case .sequence:
      guard bits & 0xF == 1 else { return unsupported("variable-length sequences") }
      return ParsedDatatype(string(bits >> 4 & 0xF, bits >> 8 & 0xF, length: nil), size: size)
    case .bitfield: return unsupported("a bit field of \(size) bytes")
    case .reference: return unsupported("a reference")
    case .array: return unsupported("arrays of \(size) bytes as elements")
    case .time: return unsupported("a time")
    }
  }

  private static func integer(_ message: inout ByteReader, bits: UInt32, size: Int) throws -> ParsedDatatype {
    let offset = try message.u16()
    let precision = Int(try message.u16())
    guard size == 1 || size == 2 || size == 4 || size == 8, precision == 8 * size, offset == 0 else {
      return ParsedDatatype(.unsupported("an integer of \(precision) bits in \(size) bytes"), size: size)
    }
    return ParsedDatatype(
      .integer(bits: precision, isSigned: bits & 8 != 0), size: size, isBigEndian: bits & 1 != 0 && size > 1)
  }

  private static func float(_ message: inout ByteReader, bits: UInt32, size: Int) throws -> ParsedDatatype {
    let offset = try message.u16()
    let precision = Int(try message.u16())
    let (exponent, exponentSize) = (UInt64(try message.u8()), UInt64(try message.u8()))
    let (mantissa, mantissaSize) = (UInt64(try message.u8()), UInt64(try message.u8()))
    let layout = FloatLayout(
      size: UInt64(size), sign: UInt64(bits >> 8 & 0xFF), exponent: exponent, exponentSize: exponentSize,
      mantissa: mantissa, mantissaSize: mantissaSize, bias: UInt64(try message.u32()))
    // Normalisation 2: the first bit of the mantissa is implied. Byte order: bit 6 is that of the VAX.
    guard let element = layout.element, bits >> 4 & 3 == 2, precision == 8 * size, offset == 0, bits & 0x40 == 0 else {
      return ParsedDatatype(
        .unsupported(
          "a float of \(size) bytes with \(exponentSize) bits of exponent (bias \(layout.bias)) and "
            + "\(mantissaSize) of mantissa"), size: size)
    }
    return ParsedDatatype(element, size: size, isBigEndian: bits & 1 != 0)
  }

  private static func string(_ padding: UInt32, _ encoding: UInt32, length: Int?) -> HDF5ElementType {
    let paddings: [HDF5StringType.Padding] = [.nullTerminated, .nullPadded, .spacePadded]
    guard encoding <= 1, padding < 3 else {
      return .unsupported("a string with encoding \(encoding) and padding \(padding)")
    }
    return .string(
      HDF5StringType(fixedLength: length, encoding: encoding == 1 ? .utf8 : .ascii, padding: paddings[Int(padding)]))
  }

  /// The name of a member, which older versions fill up with nulls to a multiple of 8.
  private static func skipName(_ message: inout ByteReader, _ version: UInt8) throws {
    let count = try message.cString().count + 1
    if version < 3 { try message.skip((8 - count % 8) % 8) }
  }

  /// h5py's bool: an enumeration over a one-byte integer with exactly the values 0 and 1.
  private static func enumeration(
    _ message: inout ByteReader, _ version: UInt8, count: Int, size: Int, level: Int
  ) throws -> ParsedDatatype {
    guard size == 1, count == 2 else {
      return ParsedDatatype(.unsupported("an enumeration of \(count) values in \(size) bytes"), size: size)
    }
    let base = try read(&message, level: level + 1)
    guard case .integer = base.element, base.size == 1 else {
      return ParsedDatatype(.unsupported("an enumeration of \(base.element)"), size: size)
    }
    try skipName(&message, version)
    try skipName(&message, version)
    let values = [try message.u8(), try message.u8()]
    return ParsedDatatype(
      values.sorted() == [0, 1] ? .bool : .unsupported("an enumeration of the values \(values)"), size: size)
  }

  /// h5py's complex: a compound of two floats of one kind, without padding.
  private static func compound(
    _ message: inout ByteReader, _ version: UInt8, count: Int, size: Int, level: Int
  ) throws -> ParsedDatatype {
    let unsupported = ParsedDatatype(.unsupported("a compound of \(count) members"), size: size)
    guard count == 2, size == 8 || size == 16 else { return unsupported }
    var parts: [ParsedDatatype] = []
    for index in 0..<2 {
      try skipName(&message, version)
      // From version 3 on as wide as the size of the compound needs, which is less than 256 here.
      let offset = version < 3 ? Int(try message.u32()) : Int(try message.u8())
      if version == 1 {
        guard try message.u8() == 0 else { return unsupported }
        try message.skip(27)
      }
      guard offset == index * size / 2 else { return unsupported }
      parts.append(try read(&message, level: level + 1))
    }
    return complex(parts[0], parts[1], size: size) ?? unsupported
  }

  private static func complex(_ real: ParsedDatatype, _ imaginary: ParsedDatatype, size: Int) -> ParsedDatatype? {
    guard real.isBigEndian == imaginary.isBigEndian, real.element == imaginary.element else { return nil }
    switch (real.element, size) {
    case (.float32, 8): return ParsedDatatype(.complex64, size: size, isBigEndian: real.isBigEndian)
    case (.float64, 16): return ParsedDatatype(.complex128, size: size, isBigEndian: real.isBigEndian)
    default: return nil
    }
  }
}
