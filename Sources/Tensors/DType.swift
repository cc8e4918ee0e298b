/// The scalar types that weight files hold.
///
/// The raw value is the name in safetensors' vocabulary (`F32`, `BF16`, ...), extended by `C128` and `BLOCK`, which
/// safetensors cannot hold. Every report and every `--json` answer uses these names.
public enum DType: String, CaseIterable, Sendable, Hashable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6e2m3 = "F6_E2M3"
  case f6e3m2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8e5m2 = "F8_E5M2"
  case f8e4m3 = "F8_E4M3"
  case f8e8m0 = "F8_E8M0"
  case f8e4m3fnuz = "F8_E4M3FNUZ"
  case f8e5m2fnuz = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"
  case c128 = "C128"
  /// One byte of an encoded block, which is no number by itself: only the encoding of its tensor gives it a meaning
  /// (``BlockEncoding``). It is a type of its own so that nothing that asks for numbers can take it for one.
  case block = "BLOCK"

  /// Bits that one element takes: 4 or 6 for the packed types, a multiple of 8 for all others.
  public var bitWidth: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .block: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    case .c128: 128
    }
  }

  /// The unit in which byte order is reversed, in bytes: half an element for complex types, the element for others.
  public var swapWidth: Int {
    switch self {
    case .c64: 4
    case .c128: 8
    default: max(1, bitWidth / 8)
    }
  }

  /// True for the types that the model's operators can widen to float32 without loss: `F32`, `F16`, `BF16`.
  public var widensToFloat32: Bool { self == .f32 || self == .f16 || self == .bf16 }

  /// The bytes that `count` elements take.
  ///
  /// - Throws: ``TensorError`` with code `.sizeOverflow` if the bits exceed 64-bit arithmetic, or `.partialByte` if a
  ///   packed type does not fill its last byte.
  public func byteCount(of count: Int) throws -> Int {
    let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
    guard !overflow else {
      throw TensorError(.sizeOverflow, "\(count) elements of \(rawValue) are more than 2^63 bits")
    }
    guard bits % 8 == 0 else {
      throw TensorError(
        .partialByte, "\(count) elements of \(rawValue) take \(bits) bits, which is not a whole number of bytes")
    }
    return bits / 8
  }
}
