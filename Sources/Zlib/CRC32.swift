internal import CTensorFerryZlib

/// The CRC-32 of zip, gzip and PNG (polynomial 0x04C11DB7, reflected), computed piece by piece.
package struct CRC32: Sendable, Hashable {
  /// The checksum of everything so far; 0 for nothing.
  package private(set) var value: UInt32 = 0

  package init() {}

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // zlib counts with 32 bits.
      let piece = rest.prefix(1 << 30)
      let pointer = UnsafeRawBufferPointer(rebasing: piece).bindMemory(to: UInt8.self).baseAddress
      value = UInt32(truncatingIfNeeded: crc32(UInt(value), pointer, UInt32(piece.count)))
      rest = rest.dropFirst(piece.count)
    }
  }

  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }
}
