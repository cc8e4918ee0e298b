internal import TensorFerryThreads

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// One read of a chunked dataset: copies the parts of chunks that lie in a range of the row-major bytes.
struct ChunkCopy {
  private let reader: HDF5DatasetReader
  private let index: HDF5ChunkIndex
  private let decoder: ChunkDecoder
  private let range: Range<Int>

  private let dimensions: [Int]
  private let chunk: [Int]
  /// How many elements apart two neighbours in each dimension are, in the dataset and in a chunk.
  private let strides: [Int]
  private let chunkStrides: [Int]
  /// The elements that the range touches.
  private let elements: Range<Int>

  /// - Parameter range: bytes of the dataset, at least one.
  init(_ reader: HDF5DatasetReader, _ index: HDF5ChunkIndex, range: Range<Int>) {
    self.reader = reader
    self.index = index
    self.range = range
    // The reader has found that these fit.
    dimensions = reader.description.dimensions.map(Int.init)
    chunk = index.chunkDimensions.map(Int.init)
    strides = Self.strides(dimensions)
    chunkStrides = Self.strides(chunk)
    let size = reader.elementSize
    elements = range.lowerBound / size..<(range.upperBound + size - 1) / size
    decoder = ChunkDecoder(filters: index.filters, byteCount: chunk.reduce(size, *))
  }

  private static func strides(_ dimensions: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    for axis in dimensions.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * dimensions[axis + 1] }
    return strides
  }

  /// Filtered chunks are decoded on all processors: each fills bytes of the buffer that no other does.
  ///
  /// - Parameter buffer: has exactly the size of the range.
  /// - Throws: what the first chunk, in their order, threw.
  func run(into buffer: UnsafeMutableRawBufferPointer) throws {
    let grid = HDF5ChunkIndex.grid(reader.description.dimensions, chunkDimensions: index.chunkDimensions)
    // Whole rows of chunks before and behind the range are not looked at.
    let perRow = index.chunks.count / Int(grid[0])
    let rows = elements.lowerBound / strides[0] / chunk[0]...(elements.upperBound - 1) / strides[0] / chunk[0]
    let numbers = rows.lowerBound * perRow..<(rows.upperBound + 1) * perRow
    let isShared =
      !index.filters.isEmpty && buffer.count >= Self.sharedByteCount && decoder.byteCount <= Self.chunkByteCount
    let workers = isShared ? min(numbers.count, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) : 1
    let failure = Locked<(number: Int, error: any Error)?>(nil)
    // Safe because the buffer outlives the call, and every chunk has its own part of it.
    nonisolated(unsafe) let target = unsafe buffer
    let work = { @Sendable (worker: Int) in
      for number in stride(from: numbers.lowerBound + worker, to: numbers.upperBound, by: workers) {
        guard failure.withLock({ $0.map { $0.number > number } ?? true }) else { return }
        do {
          try unsafe copy(index.chunks[number], origin: origin(of: number, in: grid), into: target)
        } catch {
          failure.withLock { first in
            if first.map({ $0.number > number }) ?? true { first = (number, error) }
          }
        }
      }
    }
    // Threads and not Dispatch, which ends the process where it gets no descriptor.
    let others = (1..<workers).map { worker in BackgroundTask { work(worker) } }
    work(0)
    for other in others { try other.value() }
    if let error = failure.withLock({ $0?.error }) { throw error }
  }

  /// The first element of a chunk.
  private func origin(of number: Int, in grid: [UInt64]) -> [Int] {
    var rest = number
    var origin = [Int](repeating: 0, count: grid.count)
    for axis in grid.indices.reversed() {
      origin[axis] = rest % Int(grid[axis]) * chunk[axis]
      rest /= Int(grid[axis])
    }
    return origin
  }

  /// Less is decoded by one thread.
  private static let sharedByteCount = 1 << 17
  /// Larger chunks are decoded one at a time, because each takes its size twice.
  private static let chunkByteCount = 4 << 20

  private func copy(_ stored: HDF5Chunk?, origin: [Int], into buffer: UnsafeMutableRawBufferPointer) throws {
    let extent = dimensions.indices.map { min(chunk[$0], dimensions[$0] - origin[$0]) }
    var decoded: [UInt8]?
    try forEachRun(origin, extent) { element, elementInChunk, count in
      let start = element * reader.elementSize
      let wanted = (start..<start + count * reader.elementSize).clamped(to: range)
      let target = wanted.lowerBound - range.lowerBound
      guard let stored else {
        let fill = index.fill ?? []
        // Safe because the wanted bytes lie in the range, whose size the buffer has.
        for (offset, byte) in wanted.enumerated() { unsafe buffer[target + offset] = fill[byte % fill.count] }
        return
      }
      let bytes = try decoded ?? decode(stored, isPartial: extent != chunk)
      decoded = bytes
      let first = elementInChunk * reader.elementSize + wanted.lowerBound - start
      // Safe because the wanted bytes lie in the range, whose size the buffer has.
      unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + wanted.count])
        .copyBytes(from: bytes[first..<first + wanted.count])
    }
  }

  /// Calls `body` with each run of neighbouring elements of a chunk that touches the range: where it starts in the
  /// dataset and in the chunk, and its length.
  private func forEachRun(
    _ origin: [Int], _ extent: [Int], _ body: (_ element: Int, _ elementInChunk: Int, _ count: Int) throws -> Void
  ) rethrows {
    func visit(_ axis: Int, _ base: Int, _ chunkBase: Int) throws {
      guard axis < dimensions.count - 1 else {
        let first = base + origin[axis]
        guard first < elements.upperBound, first + extent[axis] > elements.lowerBound else { return }
        return try body(first, chunkBase, extent[axis])
      }
      // The indices whose elements, all of them, overlap the range.
      let low = max(0, (elements.lowerBound - base) / strides[axis] - origin[axis])
      let high = min(extent[axis], (elements.upperBound - base + strides[axis] - 1) / strides[axis] - origin[axis])
      guard low < high else { return }
      for step in low..<high {
        try visit(axis + 1, base + (origin[axis] + step) * strides[axis], chunkBase + step * chunkStrides[axis])
      }
    }
    try visit(0, 0, 0)
  }

  private func decode(_ stored: HDF5Chunk, isPartial: Bool) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(stored.storedSize))
    // Safe because the buffer lives for the call.
    try unsafe bytes.withUnsafeMutableBytes { try unsafe reader.source.read(at: stored.offset, into: $0) }
    // Such a chunk is stored as it is, without a checksum too, although its mask says otherwise.
    let mask = isPartial && index.leavesPartialChunksUnfiltered ? .max : stored.filterMask
    do {
      bytes = try decoder.decode(bytes, mask: mask)
    } catch {
      throw HDF5Error(
        .damagedData, "the chunk of \(stored.storedSize) bytes at byte \(stored.offset) is damaged: \(error.reason)",
        object: reader.description.path)
    }
    if reader.description.isBigEndian { reverseBytes(of: &bytes, width: reader.swapWidth) }
    return bytes
  }
}

extension HDF5DatasetReader {
  /// The bytes of the dataset that one row of chunks along the first dimension holds: whoever reads whole multiples of it
  /// has no chunk decoded twice. Nil if the data is not in chunks.
  public var chunkRowByteCount: Int? {
    guard case .chunked(let index) = description.storage, let rows = index.chunkDimensions.first,
      let count = description.dimensions.first, count > 0
    else { return nil }
    // The product fits, because that of the whole dataset does.
    return description.byteCount / Int(count) * Int(min(rows, count))
  }
}
