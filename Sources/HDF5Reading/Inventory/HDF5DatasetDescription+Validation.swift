extension HDF5DatasetDescription {
  /// The largest chunk, decoded, that is read.
  package static let chunkByteLimit = 1 << 30
  /// A dataset that declares more than this must have stored at least a thousandth of it.
  package static let sparseByteLimit = 256 << 20
  /// The smallest superblock, which is before everything else.
  private static let superblockByteCount: UInt64 = 48

  /// What contradicts itself or a file of that size, in words; nil if every byte can be read.
  package func problem(fileSize: UInt64) -> String? {
    switch storage {
    case .contiguous(let offset):
      return Self.problem(of: "its data", offset: offset, size: UInt64(byteCount), fileSize: fileSize)
    case .compact(let bytes):
      return bytes.count == byteCount ? nil : "it holds \(bytes.count) bytes, its shape needs \(byteCount)"
    case .chunked(let index): return problem(of: index, fileSize: fileSize)
    case .unallocated(let fill):
      if fill.count != elementType.byteCount { return "its fill value has \(fill.count) bytes" }
      return problem(ofStored: 0)
    case .empty: return byteCount == 0 ? nil : "its shape needs \(byteCount) bytes, nothing is stored"
    case .refused(let reason): return reason
    }
  }

  private func problem(ofStored stored: UInt64) -> String? {
    guard byteCount > Self.sparseByteLimit, stored < UInt64(byteCount) / 1000 else { return nil }
    return
      "it declares \(byteCount) bytes and stores \(stored); above \(Self.sparseByteLimit) a thousandth is the least"
  }

  private func problem(of index: HDF5ChunkIndex, fileSize: UInt64) -> String? {
    let chunk = index.chunkDimensions
    guard !chunk.isEmpty, chunk.count == dimensions.count, !chunk.contains(0) else {
      return "its chunks \(chunk) do not fit its dimensions \(dimensions)"
    }
    guard let elementSize = elementType.byteCount,
      let nominal = checkedByteCount(chunk, elementSize: elementSize), nominal <= Self.chunkByteLimit
    else { return "its chunks \(chunk) decode to more than \(Self.chunkByteLimit) bytes each" }
    let grid = HDF5ChunkIndex.grid(dimensions, chunkDimensions: chunk)
    guard checkedByteCount(grid, elementSize: 1) == index.chunks.count else {
      return "it has \(index.chunks.count) chunks for a grid of \(grid)"
    }
    if index.chunks.contains(nil) {
      guard let fill = index.fill else { return "some chunks were never written and have no fill value" }
      guard fill.count == elementSize else { return "its fill value has \(fill.count) bytes" }
    }
    let stored = index.chunks.compactMap(\.self)
    for chunk in stored {
      let place = Self.problem(of: "a chunk", offset: chunk.offset, size: chunk.storedSize, fileSize: fileSize)
      if let place { return place }
      // Deflate makes incompressible data a little larger, never twice as large.
      let most = 2 * UInt64(nominal) + 1024
      guard chunk.storedSize <= most else {
        return "a chunk that decodes to \(nominal) bytes is stored in \(chunk.storedSize), the limit is \(most)"
      }
    }
    let byOffset = stored.sorted { $0.offset < $1.offset }
    for (chunk, next) in zip(byOffset, byOffset.dropFirst()) where chunk.offset + chunk.storedSize > next.offset {
      return "chunks at bytes \(chunk.offset) and \(next.offset) overlap"
    }
    return problem(ofStored: stored.reduce(0) { $0 + $1.storedSize })
  }

  private static func problem(of what: String, offset: UInt64, size: UInt64, fileSize: UInt64) -> String? {
    if offset < superblockByteCount, size > 0 { return "\(what) lies on the superblock, at byte \(offset)" }
    guard offset > fileSize || size > fileSize - offset else { return nil }
    return "\(what) takes \(size) bytes from byte \(offset) on, the file has \(fileSize)"
  }
}
