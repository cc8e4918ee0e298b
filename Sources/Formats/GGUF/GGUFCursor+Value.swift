internal import TensorFerryTensors

extension GGUFCursor {
  /// The next type of a value.
  mutating func valueType() throws -> GGUFValueType {
    let start = offset
    let code: UInt32 = try integer()
    guard let type = GGUFValueType(rawValue: code) else {
      throw malformed("a value has the type \(code), 0 to 12 are known", at: start)
    }
    return type
  }

  /// The next value and its exact type.
  mutating func value(_ type: GGUFValueType, depth: Int = 0) throws -> (value: JSONValue, kind: GGUFKind) {
    guard type == .arr else { return (try scalar(type), .scalar(type)) }
    guard depth < GGUFLimits.arrayDepth else {
      throw malformed("arrays nest deeper than \(GGUFLimits.arrayDepth) levels")
    }
    let element = try valueType()
    let count = try arrayCount(of: element)
    var values: [JSONValue] = []
    values.reserveCapacity(count)
    guard element == .arr, count > 0 else {
      for _ in 0..<count { values.append(try scalar(element)) }
      return (.array(values), .array(element))
    }
    var kinds: [GGUFKind] = []
    for _ in 0..<count {
      let inner = try value(.arr, depth: depth + 1)
      values.append(inner.value)
      kinds.append(inner.kind)
    }
    return (.array(values), .arrays(kinds))
  }

  private mutating func arrayCount(of element: GGUFValueType) throws -> Int {
    let start = offset
    let count: UInt64 = try integer()
    guard count <= remaining / element.minimumByteCount else {
      throw malformed(
        "an array has \(count) elements of type \(element.name), \(remaining) bytes are left in the file", at: start)
    }
    let limit = GGUFLimits.arrayElementCount
    guard count <= UInt64(limit - arrayElementCount) else {
      throw malformed("arrays have \(arrayElementCount) + \(count) elements, the limit is \(limit)", at: start)
    }
    arrayElementCount += Int(count)
    return Int(count)
  }

  private mutating func scalar(_ type: GGUFValueType) throws -> JSONValue {
    switch type {
    case .u8: return JSONValue(try integer(UInt8.self))
    case .i8: return JSONValue(try integer(Int8.self))
    case .u16: return JSONValue(try integer(UInt16.self))
    case .i16: return JSONValue(try integer(Int16.self))
    case .u32: return JSONValue(try integer(UInt32.self))
    case .i32: return JSONValue(try integer(Int32.self))
    case .u64: return JSONValue(try integer(UInt64.self))
    case .i64: return JSONValue(try integer(Int64.self))
    case .f32: return GGUFNumber.json(Float(bitPattern: try integer()))
    case .f64: return GGUFNumber.json(Double(bitPattern: try integer()))
    case .bool:
      let start = offset
      let byte: UInt8 = try integer()
      guard byte <= 1 else { throw malformed("a bool is \(byte), 0 and 1 are allowed", at: start) }
      return .bool(byte == 1)
    case .str:
      let bytes = try bytes(upTo: GGUFLimits.textByteCount, "a text")
      return String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? GGUFText.json(bytes)
    case .arr:
      preconditionFailure("an array is no scalar")
    }
  }
}

/// Texts that are not UTF-8, as some vocabularies have them: the object `{"hex": "ff00"}`.
enum GGUFText {
  static func json(_ bytes: ArraySlice<UInt8>) -> JSONValue {
    let digits = Array("0123456789abcdef".utf8)
    let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return .object([.init("hex", .string(String(decoding: text, as: UTF8.self)))])
  }

  /// The bytes of a text, or nil if the value is none.
  static func bytes(_ value: JSONValue) -> [UInt8]? {
    if let text = value.string { return Array(text.utf8) }
    guard let members = value.members, members.count == 1, members[0].key == "hex",
      let digits = members[0].value.string.map({ Array($0.utf8) }), digits.count.isMultiple(of: 2)
    else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
