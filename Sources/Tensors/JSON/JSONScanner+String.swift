extension JSONScanner {
  /// Reads a text in quotes.
  package mutating func string() throws -> String {
    start = position
    guard take("\"") else { throw error("a text in quotes is expected") }
    let first = position
    var all: UInt8 = 0
    while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      all |= byte
      position += 1
    }
    // Most texts have no escape, and are taken as they stand; what is ASCII need not be validated.
    if take("\"") {
      let raw = bytes[first..<position - 1]
      return all < 0x80 ? String(decoding: raw, as: UTF8.self) : try text(raw)
    }
    var result = Array(bytes[first..<position])
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try text(result[...])
      case UInt8(ascii: "\\"): try escape(into: &result)
      case 0..<0x20: throw error("a control character stands in a string", at: position - 1)
      default: result.append(byte)
      }
    }
    throw error("a string does not end")
  }

  private func text(_ utf8: ArraySlice<UInt8>) throws -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else { throw error("a string is not UTF-8", at: start) }
    return text
  }

  private mutating func escape(into result: inout [UInt8]) throws {
    guard let byte = next else { throw error("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      let unit = try codeUnit()
      var scalar = Unicode.Scalar(unit)
      if UTF16.isLeadSurrogate(UInt16(unit)), take("\\"), take("u") {
        let second = try codeUnit()
        guard UTF16.isTrailSurrogate(UInt16(second)) else { throw error("a surrogate has no partner") }
        scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00))
      }
      guard let scalar else { throw error("a surrogate has no partner") }
      result.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    default: throw error("an unknown escape")
    }
  }

  private mutating func codeUnit() throws -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("a string does not end") }
    var value: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw error("\\u needs four digits") }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }
}
