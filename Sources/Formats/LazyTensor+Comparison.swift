internal import Crypto
public import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

extension LazyTensor {
  /// The SHA-256 of the contiguous little-endian bytes, as 64 hexadecimal digits.
  ///
  /// Memory: one buffer of 4 MiB, whatever the size of the tensor.
  public func sha256() throws -> String {
    var hash = SHA256()
    try forEachPiece { hash.update(bufferPointer: $1) }
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The offset of the first byte that differs from another tensor of the same dtype and shape, or nil.
  package func firstDifference(from other: LazyTensor) throws -> Int? {
    precondition(byteCount == other.byteCount)
    var difference: Int?
    try withPieceBuffer(byteCount: pieceByteCount(upTo: 4 << 20)) { buffer in
      try forEachPiece(upTo: 4 << 20) { offset, piece in
        guard difference == nil, !piece.isEmpty else { return }
        let theirs = UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece.count])
        try other.read(offset..<offset + piece.count, into: theirs)
        guard let a = piece.baseAddress, let b = theirs.baseAddress, memcmp(a, b, piece.count) != 0 else { return }
        difference = offset + (zip(piece, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0)
      }
    }
    return difference
  }
}
