extension JSONValue {
  /// Reads JSON as RFC 8259 has it, strictly: a repeated key, a byte order mark, text behind the value, a number with
  /// a leading zero, an unpaired surrogate and invalid UTF-8 are errors. Members keep their order.
  ///
  /// JSONDecoder is not used because it keeps one of two equal keys in silence and loses the order.
  ///
  /// - Parameter maximumDepth: how deep arrays and objects may nest.
  /// - Throws: ``TensorError`` with code `.invalidJSON` and the place as an offset in bytes.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 64) throws {
    var scanner = JSONScanner(bytes, maximumDepth: maximumDepth)
    self = try scanner.value()
    try scanner.end()
  }

  /// Reads JSON from a string; see ``init(parsing:maximumDepth:)-([UInt8],_)``.
  public init(parsing text: String, maximumDepth: Int = 64) throws {
    try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth)
  }

  /// Reads what ``text(pretty:nonFinite:)`` wrote with `.literals`, or what Python's json module wrote.
  package init(parsingPython text: String) throws {
    var scanner = JSONScanner(Array(text.utf8))
    scanner.allowsNonFiniteLiterals = true
    self = try scanner.value()
    try scanner.end()
  }
}

extension JSONScanner {
  /// Reads any value.
  package mutating func value() throws -> JSONValue {
    switch next {
    case UInt8(ascii: "{"):
      var members: [JSONValue.Member] = []
      var keys: Set<ExactText> = []
      try object { scanner, key in
        try scanner.insert(key, into: &keys)
        members.append(.init(key, try scanner.value()))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var values: [JSONValue] = []
      try array { values.append(try $0.value()) }
      return .array(values)
    default:
      return try scalar()
    }
  }

  /// Notes a key that was just read.
  ///
  /// - Throws: if it was noted before.
  package func insert(_ key: String, into keys: inout Set<ExactText>) throws {
    guard keys.insert(ExactText(key)).inserted else {
      throw error("the key '\(String(key.prefix(256)).escapedForDisplay)' appears twice", at: start)
    }
  }
}
