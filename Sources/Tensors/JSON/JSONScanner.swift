/// Reads JSON as RFC 8259 has it from front to back, strictly, and builds nothing that its caller does not ask for.
///
/// A byte order mark, a number with a leading zero, an unpaired surrogate and invalid UTF-8 are errors. Whether a key
/// may be repeated is the business of the caller, who keeps the keys. Time is linear in the size of the text.
///
/// Every method begins at a value, with the space before it skipped, and throws ``TensorError`` with code
/// `.invalidJSON` and the place as an offset in bytes.
package struct JSONScanner {
  let bytes: [UInt8]
  private let maximumDepth: Int
  private var depth = 0
  package var position = 0
  /// Where the last text or number began.
  package internal(set) var start = 0
  /// True to read `NaN`, `Infinity` and `-Infinity`, which Python's json module writes, as numbers.
  package var allowsNonFiniteLiterals = false

  /// - Parameter maximumDepth: how deep arrays and objects may nest.
  package init(_ bytes: [UInt8], maximumDepth: Int = 64) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
    skipSpace()
  }

  package func error(_ reason: String, at offset: Int? = nil) -> TensorError {
    TensorError(.invalidJSON, "invalid JSON: \(reason)", place: .byte(UInt64(offset ?? position)))
  }

  package var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// - Throws: unless only space follows.
  package mutating func end() throws {
    skipSpace()
    guard position == bytes.count else { throw error("there is text behind the value") }
  }

  /// Reads an object; `member` is called behind each key and must read the value.
  package mutating func object(_ member: (inout JSONScanner, _ key: String) throws -> Void) throws {
    try list("{", "}") { scanner in
      guard scanner.next == UInt8(ascii: "\"") else { throw scanner.error("a key in quotes is expected") }
      let key = try scanner.string()
      scanner.skipSpace()
      guard scanner.take(":") else { throw scanner.error("':' is expected") }
      scanner.skipSpace()
      try member(&scanner, key)
    }
  }

  /// Reads an array; `element` must read each value.
  package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws { try list("[", "]", element) }

  private mutating func list(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ item: (inout JSONScanner) throws -> Void
  ) throws {
    guard take(open) else { throw error(next == nil ? "the text ends too early" : "'\(open)' is expected") }
    guard depth < maximumDepth else { throw error("it nests deeper than \(maximumDepth) levels") }
    depth += 1
    skipSpace()
    if !take(close) {
      repeat {
        skipSpace()
        try item(&self)
        skipSpace()
      } while take(",")
      guard take(close) else { throw error("',' or '\(close)' is expected") }
    }
    depth -= 1
  }

  /// Reads any value and keeps nothing of it; its objects may repeat keys.
  package mutating func skipValue() throws {
    switch next {
    case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skipValue() }
    case UInt8(ascii: "["): try array { try $0.skipValue() }
    default: _ = try scalar()
    }
  }

  /// Reads a text, a number, true, false or null.
  package mutating func scalar() throws -> JSONValue {
    switch next {
    case nil: throw error("the text ends too early")
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "N") where allowsNonFiniteLiterals: return try literal("NaN", .number(.nan))
    case UInt8(ascii: "I") where allowsNonFiniteLiterals: return try literal("Infinity", .number(.infinity))
    default: return try number()
    }
  }

  /// Reads an integer that is written with digits alone.
  package mutating func unsignedInteger() throws -> UInt64 {
    guard let first = next, first != UInt8(ascii: "-") else { throw error("an integer without a sign is expected") }
    switch try number() {
    case .integer(let value): return UInt64(value)
    case .unsigned(let value): return value
    default: throw error("an integer from 0 to 2^64 - 1 is expected", at: start)
    }
  }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw error("no value begins here") }
    position += text.utf8.count
    return value
  }

  private mutating func number() throws -> JSONValue {
    start = position
    let isNegative = take("-")
    if isNegative, allowsNonFiniteLiterals, next == UInt8(ascii: "I") {
      return try literal("Infinity", .number(-.infinity))
    }
    let firstDigit = position
    try digits()
    if bytes[firstDigit] == UInt8(ascii: "0"), position > firstDigit + 1 {
      throw error("a number begins with 0", at: firstDigit)
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
    if isInteger, let value = shortInteger(firstDigit, isNegative) { return .integer(value) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger {
      if let value = Int64(text) { return .integer(value) }
      if let value = UInt64(text) { return .unsigned(value) }
    }
    guard let value = Double(text), value.isFinite else {
      throw error("the number \(text.prefix(32)) is out of range", at: start)
    }
    return .number(value)
  }

  /// The integer whose digits end here, if it has so few that it fits.
  private func shortInteger(_ firstDigit: Int, _ isNegative: Bool) -> Int64? {
    guard position - firstDigit <= 18 else { return nil }
    var value: Int64 = 0
    for index in firstDigit..<position { value = value * 10 + Int64(bytes[index] - UInt8(ascii: "0")) }
    return isNegative ? -value : value
  }

  private mutating func digits() throws {
    let first = position
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    guard position > first else { throw error(next == nil ? "the text ends too early" : "no value begins here") }
  }
}
