/// How a floating-point type of at most 16 bits divides its bits, and how values go in and out.
///
/// Decoding to binary64 is exact for all of them. Encoding rounds to nearest, ties to even, in one step from binary64,
/// so that no value is rounded twice. The rules of the 8-bit types are those of the OCP 8-bit Floating Point
/// Specification: E4M3 has no infinity and one NaN pattern per sign, E5M2 is IEEE-like.
package struct FloatEncoding: Sendable {
  let exponentBits: Int
  let fractionBits: Int
  /// False for E4M3: its largest exponent holds finite values, and only the all-ones pattern is NaN.
  let hasInfinity: Bool

  static let float16 = FloatEncoding(exponentBits: 5, fractionBits: 10, hasInfinity: true)
  static let bfloat16 = FloatEncoding(exponentBits: 8, fractionBits: 7, hasInfinity: true)
  static let float8e5m2 = FloatEncoding(exponentBits: 5, fractionBits: 2, hasInfinity: true)
  static let float8e4m3 = FloatEncoding(exponentBits: 4, fractionBits: 3, hasInfinity: false)

  private var bias: Int { 1 << (exponentBits - 1) - 1 }
  private var width: Int { 1 + exponentBits + fractionBits }
  private var fractionMask: UInt64 { 1 << UInt64(fractionBits) - 1 }
  private var exponentMask: UInt64 { 1 << UInt64(exponentBits) - 1 }

  /// The value of a bit pattern; exact. NaN keeps its sign.
  package func decode(_ bits: UInt64) -> Double {
    let sign: Double = bits >> UInt64(width - 1) & 1 == 1 ? -1 : 1
    let exponent = Int(bits >> UInt64(fractionBits) & exponentMask)
    let fraction = bits & fractionMask
    if exponent == Int(exponentMask) {
      if hasInfinity { return fraction == 0 ? sign * .infinity : Double(signOf: sign, magnitudeOf: .nan) }
      if fraction == fractionMask { return Double(signOf: sign, magnitudeOf: .nan) }
    }
    if exponent == 0 {
      return sign * Double(sign: .plus, exponent: 1 - bias - fractionBits, significand: Double(fraction))
    }
    let significand = 1 + Double(fraction) / Double(fractionMask + 1)
    return sign * Double(sign: .plus, exponent: exponent - bias, significand: significand)
  }

  /// The nearest bit pattern. Overflow gives infinity, or NaN where there is none.
  package func encode(_ value: Double) -> UInt64 {
    let sign: UInt64 = value.sign == .minus ? 1 << UInt64(width - 1) : 0
    let infinity = exponentMask << UInt64(fractionBits)
    let notANumber = hasInfinity ? infinity | 1 << UInt64(fractionBits - 1) : infinity | fractionMask
    if value.isNaN { return sign | notANumber }
    let magnitude = value.magnitude
    if magnitude == 0 { return sign }
    if magnitude.isInfinite { return sign | (hasInfinity ? infinity : notANumber) }
    // The unit of the last place at this magnitude; below the smallest normal it stays that of the subnormals.
    let exponent = max(Int(magnitude.exponent), 1 - bias)
    let scaled = Double(sign: .plus, exponent: fractionBits - exponent, significand: 1) * magnitude
    let steps = UInt64(scaled.rounded(.toNearestOrEven))
    // A carry out of the fraction moves into the exponent by itself.
    let pattern = steps + UInt64(exponent - 1 + bias) << UInt64(fractionBits)
    let limit = hasInfinity ? infinity : notANumber
    return sign | min(pattern, limit)
  }
}

extension DType {
  /// The encoding of the floating-point types of at most 16 bits.
  package var floatEncoding: FloatEncoding? {
    switch self {
    case .f16: .float16
    case .bf16: .bfloat16
    case .f8e4m3: .float8e4m3
    case .f8e5m2: .float8e5m2
    default: nil
    }
  }

  /// True for the types whose elements are real numbers with a fraction, and that can be cast into each other.
  public var isFloatingPoint: Bool { self == .f32 || self == .f64 || floatEncoding != nil }
}
