import TensorFerryTestSupport

/// Numbers and whole values of a text.
enum TextMutator {
  private static let numbers = [
    "0", "-1", "1", "2", "3", "65535", "65536", "2147483648", "4294967295", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e308", "01",
  ]

  static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    var runs: [Range<Int>] = []
    var start: Int?
    for index in 0...bytes.count {
      let isDigit = index < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
      if isDigit, start == nil { start = index }
      if !isDigit, let first = start {
        runs.append(first..<index)
        start = nil
      }
    }
    guard Bool.random(using: &random), let run = runs.randomElement(using: &random),
      let number = numbers.randomElement(using: &random)
    else { return mutated(bytes) }
    var bytes = bytes
    bytes.replaceSubrange(run, with: number.utf8)
    return bytes
  }
}

/// The header of a safetensors file, whose size is then right, or its data.
enum SafetensorsMutator {
  static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    guard let length = bytes.integer(at: 0, width: 8), length <= bytes.count - 8 else { return nil }
    guard let header = TextMutator.mutate(Array(bytes[8..<8 + length]), &random) else { return nil }
    return UInt64(header.count).bytes(8) + header + bytes[(8 + length)...]
  }
}

/// The header of an array of NumPy, whose size is then right.
enum NumPyMutator {
  static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8]? {
    guard bytes.count > 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else { return nil }
    let width = bytes[6] == 1 ? 2 : 4
    guard let length = bytes.integer(at: 8, width: width), length <= bytes.count - 8 - width else { return nil }
    let start = 8 + width
    guard let header = TextMutator.mutate(Array(bytes[start..<start + length]), &random) else { return nil }
    return bytes[..<8] + UInt64(header.count).bytes(width) + header + bytes[(start + length)...]
  }
}

extension [UInt8] {
  /// The unsigned little-endian integer at an offset, if it is there and fits.
  func integer(at offset: Int, width: Int) -> Int? {
    guard offset >= 0, offset <= count - width else { return nil }
    return Int(exactly: self[offset..<offset + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}

extension UInt64 {
  /// The lowest bytes, little-endian.
  func bytes(_ width: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}
