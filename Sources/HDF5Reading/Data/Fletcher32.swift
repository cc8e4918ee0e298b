/// The checksum that HDF5 appends to a chunk: Fletcher's, over big-endian 16-bit words.
enum Fletcher32 {
  static let byteCount = 4

  /// Compares the last 4 bytes with the checksum of those before, and removes them.
  static func verifyAndRemove(from bytes: inout [UInt8]) throws(ChunkDecoder.Damage) {
    guard bytes.count >= byteCount else {
      throw ChunkDecoder.Damage(reason: "its \(bytes.count) bytes are too few for a checksum")
    }
    let stored = bytes.suffix(byteCount).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    bytes.removeLast(byteCount)
    let computed = checksum(bytes)
    // Libraries before 1.6.3 swapped the bytes of each half on little-endian machines.
    let swapped = (computed & 0x00FF_00FF) << 8 | (computed & 0xFF00_FF00) >> 8
    guard stored == computed || stored == swapped else {
      throw ChunkDecoder.Damage(
        reason: "its checksum is 0x\(String(stored, radix: 16)), its bytes give 0x\(String(computed, radix: 16))")
    }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var low: UInt32 = 0
    var high: UInt32 = 0
    func fold() {
      low = (low & 0xFFFF) + (low >> 16)
      high = (high & 0xFFFF) + (high >> 16)
    }
    var index = 0
    let evenCount = bytes.count & ~1
    while index < evenCount {
      // 360 words are the most that cannot overflow.
      let end = min(evenCount, index + 720)
      while index < end {
        low += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
        high += low
        index += 2
      }
      fold()
    }
    if evenCount < bytes.count {
      low += UInt32(bytes[evenCount]) << 8
      high += low
      fold()
    }
    fold()
    return high << 16 | low
  }
}
