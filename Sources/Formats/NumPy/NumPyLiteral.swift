internal import TensorFerryTensors

/// Reads the Python dict literal of an `.npy` header, and nothing else that Python could mean by it.
struct NumPyLiteral {
  private let text: [UInt8]
  private let offset: UInt64
  private let origin: NumPyOrigin
  private var position = 0

  init(_ text: [UInt8], at offset: UInt64, of origin: NumPyOrigin) {
    self.text = text
    self.offset = offset
    self.origin = origin
  }

  /// - Throws: ``WeightFileError`` with code `.malformed` unless the text is a dict with exactly the three keys.
  mutating func parse() throws -> (descr: String, fortranOrder: Bool, shape: [Int]) {
    var descr: String?
    var fortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where descr == nil: descr = try isNext("'") || isNext("\"") ? string() : structured()
      case "fortran_order" where fortranOrder == nil: fortranOrder = try boolean()
      case "shape" where shape == nil: shape = try tuple()
      default: throw error("the key '\(key.escapedForDisplay)' is unknown or repeated")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == text.count else { throw error("there is text behind the header") }
    guard let descr, let fortranOrder, let shape else {
      throw error("the header needs the keys descr, fortran_order and shape")
    }
    return (descr, fortranOrder, shape)
  }

  private func error(_ reason: String) -> WeightFileError {
    origin.malformed("invalid header: \(reason)", at: offset + UInt64(position))
  }

  private mutating func skipSpace() {
    while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
  }

  private mutating func isNext(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return position < text.count && text[position] == UInt8(ascii: character)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard isNext(character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(character) else { throw error("'\(character)' is expected") }
  }

  private mutating func string() throws -> String {
    let quote: Unicode.Scalar = isNext("\"") ? "\"" : "'"
    try expect(quote)
    guard let end = text[position...].firstIndex(of: UInt8(ascii: quote)) else { throw error("a string does not end") }
    defer { position = end + 1 }
    guard text[position..<end].allSatisfy({ (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }) else {
      throw error("an escape or a character other than ASCII stands in a string")
    }
    return String(decoding: text[position..<end], as: UTF8.self)
  }

  private mutating func structured() throws -> String {
    guard isNext("[") else { throw error("an element type is expected") }
    throw origin.error(
      .unsupported, "a structured array has fields, which are not read", at: offset + UInt64(position))
  }

  private mutating func boolean() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw error("True or False is expected")
  }

  private mutating func tuple() throws -> [Int] {
    var dimensions: [Int] = []
    try expect("(")
    while !take(")") {
      guard dimensions.count < NumPyLimits.rank else {
        throw error("the shape has more than \(NumPyLimits.rank) dimensions")
      }
      dimensions.append(try integer())
      if !take(",") {
        // (3) is a number in Python, not a shape.
        guard dimensions.count > 1 else { throw error("the shape is not a tuple") }
        try expect(")")
        break
      }
    }
    return dimensions
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) { position += 1 }
    let digits = text[start..<position]
    guard let value = Int(String(decoding: digits, as: UTF8.self)),
      digits.count == 1 || digits.first != UInt8(ascii: "0")
    else {
      throw error("a dimension below 2^63 is expected")
    }
    // Python 2 wrote long integers as 3L.
    if position < text.count, text[position] == UInt8(ascii: "L") { position += 1 }
    return value
  }
}
