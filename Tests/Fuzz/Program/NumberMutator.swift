import TensorFerryTestSupport

/// Binary integers: sizes, counts and offsets that are at a limit, or a little away from what they were.
enum NumberMutator {
  private static let values: [UInt64] = [
    0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40,
    .max >> 1, .max >> 1 + 1, .max - 7, .max,
  ]

  static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    guard Bool.random(using: &random), let changed = replaced(bytes, in: 0..<bytes.count, &random) else {
      return mutated(bytes)
    }
    return changed
  }

  /// The bytes with an integer of 1 to 8 bytes replaced that lies in a range; nil if the range is too short.
  static func replaced(_ bytes: [UInt8], in range: Range<Int>, _ random: inout SeededRandom) -> [UInt8]? {
    let width = 1 << Int.random(in: 0...3, using: &random)
    guard range.count >= width else { return nil }
    let place = Int.random(in: range.lowerBound...range.upperBound - width, using: &random)
    let old = bytes[place..<place + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let value =
      Bool.random(using: &random)
      ? values.randomElement(using: &random)!
      : old &+ UInt64(truncatingIfNeeded: Int.random(in: -16...16, using: &random))
    var bytes = bytes
    bytes.replaceSubrange(place..<place + width, with: value.bytes(width))
    return bytes
  }
}
