/// The inputs of probe rows, which a bundle does not store: odd multiples of 2^-24 in (-1, 1), made from a seed.
///
/// docs/reference/formats/reference.md has the generator bit for bit, and test vectors.
package struct ProbeInputs {
  /// The only generator that is known.
  static let generator = "splitmix64/1"

  let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// How many rows a stage with this many features has.
  static func rowCount(features: Int) -> Int { 2 * (features + 1) }

  /// The first `count` values, in row-major order; each is a float32 number.
  package func values(_ count: Int) -> [Double] {
    let step: UInt64 = 0x9E37_79B9_7F4A_7C15
    return [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
      var state = seed
      for k in 0..<count {
        state &+= step
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        buffer.initializeElement(at: k, to: Double(2 * Int(z >> 40) + 1 - 1 << 24) * 0x1p-24)
      }
      initialized = count
    }
  }
}
