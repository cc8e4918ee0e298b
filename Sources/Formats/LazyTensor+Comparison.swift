internal import CTensorFerryFiles
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
  ///
  /// What is one and the same on the disk is not read, by the word of the file system, unless a checksum wants it.
  package func firstDifference(from other: LazyTensor) throws -> Int? {
    precondition(byteCount == other.byteCount)
    if let edge = sharedEdge(with: other) {
      let rest = (byteCount - edge) % Int(RangeCopy.blockByteCount)
      try noteRead(byteCount - edge - rest)
      return try firstDifference(from: other, in: 0..<edge)
        ?? firstDifference(from: other, in: byteCount - rest..<byteCount)
    }
    var difference: Int?
    // Two pieces of files stay in the second cache until they are compared.
    let limit = fileOffset == nil ? 4 << 20 : 1 << 18
    try withPieceBuffer(byteCount: pieceByteCount(upTo: limit)) { buffer in
      try forEachPiece(upTo: limit) { offset, piece in
        guard difference == nil, !piece.isEmpty else { return }
        let theirs = UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece.count])
        try other.read(offset..<offset + piece.count, into: theirs)
        guard let a = piece.baseAddress, let b = theirs.baseAddress, memcmp(a, b, piece.count) != 0 else { return }
        difference = offset + (zip(piece, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0)
      }
    }
    return difference
  }

  /// The bytes before the first whole block, if all whole blocks of both tensors are the same on the disk; else nil.
  private func sharedEdge(with other: LazyTensor) -> Int? {
    guard byteCount >= 1 << 20, !hasChecksum, !other.hasChecksum, case .file(let mine, let start) = content,
      case .file(let theirs, let otherStart) = other.content
    else { return nil }
    let block = RangeCopy.blockByteCount
    guard start % block == otherStart % block else { return nil }
    let edge = (block - start % block) % block
    let interior = (UInt64(byteCount) - edge) / block * block
    let isShared = ctensorferry_is_shared(
      mine.descriptor, start + edge, theirs.descriptor, otherStart + edge, interior)
    return isShared == 1 ? Int(edge) : nil
  }

  /// - Parameter range: short.
  private func firstDifference(from other: LazyTensor, in range: Range<Int>) throws -> Int? {
    func bytes(_ tensor: LazyTensor) throws -> [UInt8] {
      try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
        try tensor.read(
          range, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<range.count]))
        count = range.count
      }
    }
    let (a, b) = try (bytes(self), bytes(other))
    return zip(range, zip(a, b)).first { $0.1.0 != $0.1.1 }?.0
  }
}
