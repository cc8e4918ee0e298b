extension HDF5AttributeValue {
  /// Decodes the elements of a type of fixed size as they lie in the file.
  package init(decoding bytes: [UInt8], as element: HDF5ElementType, isBigEndian: Bool) {
    func words(_ width: Int) -> [UInt64] {
      stride(from: 0, to: bytes.count, by: width).map { start in
        let word = bytes[start..<start + width]
        return (isBigEndian ? Array(word) : word.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
      }
    }
    switch element {
    case .integer(let bits, isSigned: true):
      // Shifting up and back down extends the sign.
      self = .integers(words(bits / 8).map { Int64(bitPattern: $0 << (64 - bits)) >> (64 - bits) })
    case .integer(let bits, isSigned: false): self = .unsigned(words(bits / 8))
    case .bool: self = .integers(bytes.map(Int64.init))
    case .float16: self = .floats(words(2).map { Double(half: $0, exponentBits: 5, mantissaBits: 10) })
    case .bfloat16: self = .floats(words(2).map { Double(half: $0, exponentBits: 8, mantissaBits: 7) })
    case .float32: self = .floats(words(4).map { Double(Float(bitPattern: UInt32($0))) })
    case .float64: self = .floats(words(8).map { Double(bitPattern: $0) })
    case .string(let type):
      let length = type.fixedLength ?? 1
      let texts = stride(from: 0, to: bytes.count, by: length).map { type.text(of: bytes[$0..<$0 + length]) }
      let valid = texts.compactMap(\.self)
      self = valid.count == texts.count ? .strings(valid) : .unsupported("text that is not UTF-8")
    case .complex64, .complex128, .opaque, .unsupported: self = .unsupported(element.description)
    }
  }
}

extension HDF5StringType {
  /// The text of a fixed-length string without its padding, or nil if it is not UTF-8.
  package func text(of bytes: ArraySlice<UInt8>) -> String? {
    let content =
      switch padding {
      case .nullTerminated: bytes.prefix { $0 != 0 }
      case .nullPadded: bytes[..<(bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? bytes.startIndex)]
      case .spacePadded: bytes[..<(bytes.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? bytes.startIndex)]
      }
    return String(validating: content, as: UTF8.self)
  }
}

extension Double {
  /// The value of an IEEE 754 number of 16 bits, exactly.
  init(half bits: UInt64, exponentBits: Int, mantissaBits: Int) {
    let exponentLimit = 1 << exponentBits - 1
    let bias = exponentLimit / 2
    let exponent = Int(bits >> mantissaBits) & exponentLimit
    let mantissa = Double(bits & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
    let sign: FloatingPointSign = bits >> 15 & 1 == 1 ? .minus : .plus
    let magnitude: Double =
      switch exponent {
      case exponentLimit: mantissa == 0 ? .infinity : .nan
      case 0: mantissa * Double(sign: .plus, exponent: 1 - bias, significand: 1)
      default: Double(sign: .plus, exponent: exponent - bias, significand: 1 + mantissa)
      }
    self = Double(signOf: sign == .minus ? -1 : 1, magnitudeOf: magnitude)
  }
}
