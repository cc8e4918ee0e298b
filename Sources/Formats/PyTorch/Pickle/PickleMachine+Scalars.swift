/// Numbers and texts.
extension PickleMachine {
  mutating func scalar(_ opcode: PickleOpcode) throws -> PickleValue {
    switch opcode {
    case .none: return .none
    case .newTrue: return .bool(true)
    case .newFalse: return .bool(false)
    case .binInt: return .integer(Int64(try reader.integer(Int32.self)))
    case .binInt1: return .integer(Int64(try reader.byte()))
    case .binInt2: return .integer(Int64(try reader.integer(UInt16.self)))
    case .int: return try integer(try reader.line(), isInt: true)
    case .long: return try integer(try reader.line(), isInt: false)
    case .long1: return long(try reader.take(Int(try reader.byte())))
    case .long4: return long(try reader.take(try count4()))
    case .binFloat: return .float(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped))
    case .float: return try float(try reader.line())

    case .binUnicode: return .string(try reader.text(Int(try reader.integer(UInt32.self))))
    case .shortBinUnicode: return .string(try reader.text(Int(try reader.byte())))
    case .binUnicode8: return .string(try reader.text(try reader.count8()))
    case .unicode: return .string(try unescaped(try reader.line()))
    case .binBytes: return .bytes(Array(try reader.take(Int(try reader.integer(UInt32.self)))))
    case .shortBinBytes: return .bytes(Array(try reader.take(Int(try reader.byte()))))
    case .binBytes8, .byteArray8: return .bytes(Array(try reader.take(try reader.count8())))
    // A str of Python 2, which is text if it is UTF-8; torch.load takes it so.
    case .binString: return python2String(try reader.take(try count4()))
    case .shortBinString: return python2String(try reader.take(Int(try reader.byte())))
    case .string: return python2String(try unquoted(try reader.line()))
    default: throw error("the opcode 0x\(String(opcode.rawValue, radix: 16)) makes no value")
    }
  }

  /// A count of four bytes, which these opcodes have signed.
  private mutating func count4() throws -> Int {
    let count = try reader.integer(Int32.self)
    guard count >= 0 else { throw error("a length is \(count), below 0") }
    return Int(count)
  }

  private func python2String(_ bytes: some Collection<UInt8>) -> PickleValue {
    String(validating: bytes, as: UTF8.self).map(PickleValue.string) ?? .bytes(Array(bytes))
  }

  private func float(_ line: ArraySlice<UInt8>) throws -> PickleValue {
    guard let value = Double(String(decoding: line, as: UTF8.self)) else { throw error("a float is no number") }
    return .float(value)
  }

  /// Two's complement, little-endian.
  private func long(_ bytes: some BidirectionalCollection<UInt8>) -> PickleValue {
    var digits = Array(bytes)
    while let last = digits.last, digits.count > 1, last == (digits[digits.count - 2] > 0x7F ? 0xFF : 0x00) {
      digits.removeLast()
    }
    guard digits.count <= 8 else { return .bigInteger(digits) }
    let start: UInt64 = digits.last ?? 0 > 0x7F ? .max : 0
    return .integer(Int64(bitPattern: digits.reversed().reduce(start) { $0 << 8 | UInt64($1) }))
  }

  /// Decimal digits; `I00` and `I01` are the bools of protocol 0, and a long ends in `L`.
  private func integer(_ line: ArraySlice<UInt8>, isInt: Bool) throws -> PickleValue {
    if isInt, line.elementsEqual("00".utf8) { return .bool(false) }
    if isInt, line.elementsEqual("01".utf8) { return .bool(true) }
    var text = line
    if !isInt, text.last == UInt8(ascii: "L") { text.removeLast() }
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative { text.removeFirst() }
    guard !text.isEmpty, text.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else {
      throw error("an integer is no number")
    }
    guard text.count <= PyTorchLimits.digits else {
      throw error("an integer has \(text.count) digits, the limit is \(PyTorchLimits.digits)", .unsupported)
    }
    var magnitude: [UInt8] = [0]
    for digit in text {
      var carry = Int(digit - UInt8(ascii: "0"))
      for index in magnitude.indices {
        carry += Int(magnitude[index]) * 10
        magnitude[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { magnitude.append(UInt8(carry)) }
    }
    magnitude.append(0)
    guard isNegative else { return long(magnitude) }
    var carry = 1
    for index in magnitude.indices {
      carry += Int(~magnitude[index])
      magnitude[index] = UInt8(truncatingIfNeeded: carry)
      carry >>= 8
    }
    return long(magnitude)
  }

  /// Text of protocol 0: Latin-1 with `\uXXXX` and `\UXXXXXXXX` for all else, and no other escape.
  private func unescaped(_ line: ArraySlice<UInt8>) throws -> String {
    var result = String.UnicodeScalarView()
    var rest = line
    while let byte = rest.popFirst() {
      let isShort = rest.first == UInt8(ascii: "u")
      guard byte == UInt8(ascii: "\\"), isShort || rest.first == UInt8(ascii: "U") else {
        result.append(Unicode.Scalar(byte))
        continue
      }
      let digits = rest.dropFirst().prefix(isShort ? 4 : 8)
      guard digits.count == (isShort ? 4 : 8), let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(value)
      else { throw error("a text has an escape that is no character") }
      result.append(scalar)
      rest = rest.dropFirst(1 + digits.count)
    }
    return String(result)
  }

  /// A quoted str as Python 2 printed it in protocol 0.
  private func unquoted(_ line: ArraySlice<UInt8>) throws -> [UInt8] {
    guard line.count >= 2, let quote = line.first, quote == line.last, quote == 0x22 || quote == 0x27 else {
      throw error("a string has no quotes")
    }
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "\\"): 0x5C, 0x22: 0x22,
      0x27: 0x27,
    ]
    var result: [UInt8] = []
    var rest = line.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      let escape = rest.popFirst() ?? 0
      if let value = simple[escape] {
        result.append(value)
      } else if escape == UInt8(ascii: "x"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        throw error("a string has an unknown escape")
      }
    }
    return result
  }
}
