extension JSONValue {
  /// Reads JSON as RFC 8259 has it, strictly: a repeated key, a byte order mark, text behind the value, a number with
  /// a leading zero, an unpaired surrogate and invalid UTF-8 are errors. Members keep their order.
  ///
  /// JSONDecoder is not used because it keeps one of two equal keys in silence and loses the order.
  ///
  /// - Parameter maximumDepth: how deep arrays and objects may nest.
  /// - Throws: ``TensorError`` with code `.invalidJSON` and the place as an offset in bytes.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 64) throws {
    var parser = Parser(bytes: bytes, maximumDepth: maximumDepth)
    parser.skipSpace()
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.error("there is text behind the value") }
  }

  /// Reads JSON from a string; see ``init(parsing:maximumDepth:)-([UInt8],_)``.
  public init(parsing text: String, maximumDepth: Int = 64) throws {
    try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth)
  }
}

private struct Parser {
  let bytes: [UInt8]
  let maximumDepth: Int
  var position = 0

  func error(_ reason: String) -> TensorError {
    TensorError(.invalidJSON, "invalid JSON: \(reason)", place: .byte(UInt64(position)))
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func value(depth: Int) throws -> JSONValue {
    guard depth <= maximumDepth else { throw error("it nests deeper than \(maximumDepth) levels") }
    switch next {
    case nil: throw error("the text ends too early")
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return try number()
    }
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw error("no value begins here") }
    position += text.utf8.count
    return value
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    position += 1
    skipSpace()
    var values: [JSONValue] = []
    if take("]") { return .array(values) }
    while true {
      skipSpace()
      values.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(values) }
      guard take(",") else { throw error("',' or ']' is expected") }
    }
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    position += 1
    skipSpace()
    var members: [JSONValue.Member] = []
    // Keys compare by bytes: Swift's == would call two Unicode normalisations of one text equal.
    var keys: Set<[UInt8]> = []
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a key in quotes is expected") }
      let start = position
      let key = try string()
      guard keys.insert(Array(key.utf8)).inserted else {
        position = start
        throw error("the key '\(key.escapedForDisplay)' appears twice")
      }
      skipSpace()
      guard take(":") else { throw error("':' is expected") }
      skipSpace()
      members.append(.init(key, try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw error("',' or '}' is expected") }
    }
  }

  private mutating func string() throws -> String {
    position += 1
    var result: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let text = String(validating: result, as: UTF8.self) else { throw error("a string is not UTF-8") }
        return text
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &result)
      case 0..<0x20: throw error("a control character stands in a string")
      default:
        result.append(byte)
        position += 1
      }
    }
    throw error("a string does not end")
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
      result.append(contentsOf: Array(String(Character(scalar)).utf8))
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

  private mutating func number() throws -> JSONValue {
    let start = position
    _ = take("-")
    let firstDigit = position
    try digits()
    if bytes[firstDigit] == UInt8(ascii: "0"), position > firstDigit + 1 {
      position = firstDigit
      throw error("a number begins with 0")
    }
    var isInteger = true
    if take(".") {
      isInteger = false
      try digits()
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger {
      if let value = Int64(text) { return .integer(value) }
      if let value = UInt64(text) { return .unsigned(value) }
    }
    guard let value = Double(text), value.isFinite else { throw error("the number \(text) is out of range") }
    return .number(value)
  }

  private mutating func digits() throws {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw error(next == nil ? "the text ends too early" : "no value begins here") }
  }
}
