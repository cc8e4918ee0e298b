internal import CTensorFerryKernels
internal import TensorFerryLZF
internal import TensorFerryZlib

/// Turns the stored bytes of a chunk back into its elements.
struct ChunkDecoder {
  let filters: [HDF5ChunkFilter]
  /// The size of a decoded chunk.
  let byteCount: Int

  /// What a chunk's bytes have in common with none of the sizes or checksums that they should.
  struct Damage: Error {
    let reason: String
  }

  /// - Parameter mask: bit i is set if filter i was not applied.
  /// - Throws: ``Damage``.
  func decode(_ stored: [UInt8], mask: UInt32) throws(Damage) -> [UInt8] {
    let applied = filters.enumerated().filter { index, _ in index >= 32 || mask >> index & 1 == 0 }.map(\.element)
    var bytes = stored
    for (position, filter) in applied.enumerated().reversed() {
      switch filter {
      case .fletcher32: try Fletcher32.verifyAndRemove(from: &bytes)
      case .shuffle(let width): bytes = unshuffle(bytes, width: width)
      case .deflate, .lzf:
        // Of the filters that were applied before this one, only the checksum changes the size: a dataset has one
        // compression.
        let checksums = applied[..<position].count { $0 == .fletcher32 }
        let count = byteCount + checksums * Fletcher32.byteCount
        do {
          bytes = try filter == .lzf ? decompressLZF(bytes, toCount: count) : inflate(bytes, toCount: count)
        } catch {
          throw Damage(reason: "\(error)")
        }
      }
    }
    guard bytes.count == byteCount else {
      throw Damage(reason: "it decodes to \(bytes.count) bytes, it should decode to \(byteCount)")
    }
    return bytes
  }
}

/// Undoes the shuffle filter: element i takes its byte k from place `k * count + i`. Bytes that do not fill an element
/// stay at the end.
func unshuffle(_ bytes: [UInt8], width: Int) -> [UInt8] {
  guard width > 1, bytes.count > width else { return bytes }
  return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { result, initialized in
    // Safe because the kernel writes as many bytes as it is told, which both arrays have.
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe tensorferry_unshuffle(bytes.baseAddress, result.baseAddress, bytes.count, width)
    }
    initialized = bytes.count
  }
}

/// Reverses the bytes of each word of `width` bytes.
package func reverseBytes(of bytes: inout [UInt8], width: Int) {
  guard width > 1 else { return }
  for start in stride(from: 0, to: bytes.count - width + 1, by: width) {
    for offset in 0..<width / 2 { bytes.swapAt(start + offset, start + width - 1 - offset) }
  }
}
