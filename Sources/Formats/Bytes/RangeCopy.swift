internal import CTensorFerryFiles
internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A range of a source that goes into an output as it is, if possible without passing through the process.
///
/// File systems that share extents (XFS, Btrfs) share whole blocks at whole blocks. So a range whose two offsets have
/// the same rest modulo ``blockByteCount`` is taken in three parts: its edges are read and written, what lies between
/// them is shared. Where that is refused, and where the rests differ, the kernel copies; where that is refused too, the
/// bytes are read and written in pieces. The bytes in the output are the same in every case.
struct RangeCopy {
  let source: SourceFile
  let offset: UInt64
  /// Where the range begins in the output.
  let target: UInt64
  var byteCount: UInt64
  /// Whose observers are told.
  let tensor: LazyTensor

  /// What offsets are compared by: the block of the file systems that share extents, and the page of the cache.
  static let blockByteCount: UInt64 = 4096
  /// A shorter range is not worth a call of its own: it is read into the buffer of the output.
  static let leastByteCount: UInt64 = 1 << 17
  /// The most that is copied between two reports of progress.
  private static let pieceByteCount: UInt64 = 32 << 20
  /// The most that is read at once: it stays in the second cache until it is written.
  private static let readByteCount: UInt64 = 1 << 19

  /// True if the range goes on where this one ends, on both sides.
  func isContinued(by next: RangeCopy) -> Bool {
    next.source === source && next.offset == offset + byteCount && next.target == target + byteCount
  }

  /// - Parameter plain: writes bytes to a place of the output, and throws what it fails with.
  func run(into descriptor: Int32, methods: CopyMethods, plain: Plain) throws {
    try source.check(offset: offset, count: Int(byteCount))
    let rest = target % Self.blockByteCount
    let edge = min(byteCount, (Self.blockByteCount - rest) % Self.blockByteCount)
    let interior = (byteCount - edge) / Self.blockByteCount * Self.blockByteCount
    var position: UInt64 = 0
    if methods.contains(.share), offset % Self.blockByteCount == rest, interior >= Self.blockByteCount {
      try write(0..<edge, plain)
      if share(edge..<edge + interior, descriptor) {
        position = edge + interior
        try tensor.noteRead(Int(interior))
        tensor.noteTransfer(Int(interior), isShared: true)
      } else {
        position = edge
      }
    }
    if methods.contains(.copy) { try copy(&position, descriptor) }
    // What the kernel did not take: nothing, as a rule. A source that shrank is found here.
    try write(position..<byteCount, plain)
  }

  private func share(_ range: Range<UInt64>, _ descriptor: Int32) -> Bool {
    ctensorferry_share_range(
      source.descriptor, offset + range.lowerBound, descriptor, target + range.lowerBound, UInt64(range.count)) == 0
  }

  /// Copies from `position` on in the kernel, as far as it goes.
  private func copy(_ position: inout UInt64, _ descriptor: Int32) throws {
    while byteCount - position >= Self.leastByteCount {
      let count = ctensorferry_copy_range(
        source.descriptor, offset + position, descriptor, target + position,
        min(byteCount - position, Self.pieceByteCount))
      if count < 0, errno == EINTR { continue }
      // A disk that is full, and all else that is wrong, is met and told by the writes that follow.
      guard count > 0 else { return }
      // The disk is at work while the next piece is copied, and checksums are computed. It is no matter if it refuses.
      _ = ctensorferry_start_writing(descriptor, target + position, UInt64(count))
      position += UInt64(count)
      try tensor.noteRead(Int(count))
      tensor.noteTransfer(Int(count), isShared: false)
    }
  }

  private func write(_ range: Range<UInt64>, _ plain: Plain) throws {
    guard !range.isEmpty else { return }
    try withPieceBuffer(byteCount: Int(min(Self.readByteCount, UInt64(range.count)))) { buffer in
      var position = range.lowerBound
      while position < range.upperBound {
        let count = min(UInt64(buffer.count), range.upperBound - position)
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)])
        try source.read(at: offset + position, into: piece)
        try plain(UnsafeRawBufferPointer(piece), target + position)
        position += count
        try tensor.noteRead(Int(count))
      }
    }
  }

  typealias Plain = (_ bytes: UnsafeRawBufferPointer, _ offset: UInt64) throws -> Void
}

extension LazyTensor {
  /// The bytes as a range that goes to byte `target` of an output, or nil if they are not a plain range of a file.
  func rangeCopy(to target: UInt64) -> RangeCopy? {
    guard case .file(let source, let offset) = content else { return nil }
    return RangeCopy(source: source, offset: offset, target: target, byteCount: UInt64(byteCount), tensor: self)
  }

  /// Where the bytes would have to begin, modulo 4096, so that file systems can share them with the source; nil for a
  /// tensor of less than 1 MiB, and for one that is not a plain range of a file.
  var sharingResidue: UInt64? {
    guard byteCount >= 1 << 20, let fileOffset else { return nil }
    return fileOffset % RangeCopy.blockByteCount
  }
}
