internal import TensorFerryTensors

/// Metadata numbers of 32 and 64 bits as JSON and back, every bit pattern included.
///
/// JSON has no infinities and no NaN: they are the texts `inf`, `-inf`, `nan`, and `nan:` with the bits in
/// hexadecimal for every NaN but the usual one.
enum GGUFNumber {
  static func json(_ value: Float) -> JSONValue {
    value.isNaN && value.bitPattern != Float.nan.bitPattern
      ? .string("nan:" + String(value.bitPattern, radix: 16)) : json(Double(value))
  }

  static func json(_ value: Double) -> JSONValue {
    if value.isFinite { return .number(value) }
    if value.isInfinite { return .string(value < 0 ? "-inf" : "inf") }
    return .string(value.bitPattern == Double.nan.bitPattern ? "nan" : "nan:" + String(value.bitPattern, radix: 16))
  }

  /// The bits of the value as binary32, or nil if it has none.
  static func bits32(_ value: JSONValue) -> UInt32? {
    if let bits: UInt32 = nanBits(value) { return Float(bitPattern: bits).isNaN ? bits : nil }
    guard let wide = double(value) else { return nil }
    if wide.isNaN { return Float.nan.bitPattern }
    return Double(Float(wide)) == wide ? Float(wide).bitPattern : nil
  }

  /// The bits of the value as binary64, or nil if it has none.
  static func bits64(_ value: JSONValue) -> UInt64? {
    if let bits: UInt64 = nanBits(value) { return Double(bitPattern: bits).isNaN ? bits : nil }
    return double(value)?.bitPattern
  }

  private static func nanBits<Bits: FixedWidthInteger>(_ value: JSONValue) -> Bits? {
    guard let text = value.string, text.hasPrefix("nan:") else { return nil }
    return Bits(text.dropFirst(4), radix: 16)
  }

  private static func double(_ value: JSONValue) -> Double? {
    switch value {
    case .number(let number): number
    case .integer(let integer): Double(exactly: integer)
    case .unsigned(let integer): Double(exactly: integer)
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    case .string("nan"): .nan
    default: nil
    }
  }
}
