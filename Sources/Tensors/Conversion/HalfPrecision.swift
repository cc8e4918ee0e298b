/// IEEE 754 binary16 (`F16`) to and from binary32, by bit patterns.
///
/// `Float16` does not exist on Intel Macs, so the conversions are written here. They were checked against numpy over
/// all 65,536 patterns, and over the neighbours of every rounding boundary in the other direction.
public enum HalfPrecision {
  /// Widens; exact. A signalling NaN becomes quiet, as the hardware instruction does.
  @inlinable
  public static func widen(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0x1F:
      return Float(bitPattern: sign | 0x7F80_0000 | (fraction << 13) | (fraction == 0 ? 0 : 0x0040_0000))
    case 0:
      // A subnormal is fraction * 2^-24; the product is exact.
      let magnitude = Float(fraction) * Float(bitPattern: 0x3380_0000)
      return Float(bitPattern: sign | magnitude.bitPattern)
    default:
      return Float(bitPattern: sign | ((exponent + 112) << 23) | (fraction << 13))
    }
  }

  /// Narrows with round to nearest, ties to even; overflow gives infinity, NaN stays NaN with its upper payload bits.
  @inlinable
  public static func narrow(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
      // NaN: keep the payload's upper ten bits; if they are all 0 the result would be infinity, so set the quiet bit.
      return sign | 0x7C00 | UInt16(truncatingIfNeeded: (magnitude >> 13) & 0x3FF) | 0x200
    }
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
      // Below the smallest normal: let the addition of 0.5 round at 2^-24, which is the unit of a subnormal.
      let shifted = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: shifted.bitPattern - 0x3F00_0000)
    }
    let odd = (magnitude >> 13) & 1
    let rounded = magnitude + 0xFFF + odd - (112 << 23)
    return sign | UInt16(truncatingIfNeeded: rounded >> 13)
  }
}
