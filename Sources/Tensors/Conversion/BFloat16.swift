/// bfloat16 (`BF16`: the upper half of a binary32) to and from binary32, by bit patterns.
public enum BFloat16 {
  /// Widens; exact, NaN payloads included.
  @inlinable
  public static func widen(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// Narrows with round to nearest, ties to even; overflow gives infinity, every NaN becomes the quiet NaN of its sign.
  ///
  /// ml_dtypes and PyTorch agree on everything but NaN, where PyTorch gives `0x7FC0` without a sign; the sign is kept
  /// here, as ml_dtypes does.
  @inlinable
  public static func narrow(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) & 0x8000 | 0x7FC0 }
    let odd = (bits >> 16) & 1
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ odd) >> 16)
  }
}
