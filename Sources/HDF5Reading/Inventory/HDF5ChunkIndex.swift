/// Where the chunks of a dataset are and how they are decoded.
public struct HDF5ChunkIndex: Sendable, Hashable {
  /// The dimensions of every chunk, also of those that reach beyond the dataset.
  public let chunkDimensions: [UInt64]
  /// In the order in which they were applied when the chunks were written.
  public let filters: [HDF5ChunkFilter]
  /// True if chunks that reach beyond the dataset were stored without any filter.
  public let leavesPartialChunksUnfiltered: Bool
  /// One for each place of the grid, row-major; nil for a chunk that was never written.
  public let chunks: [HDF5Chunk?]
  /// The value of elements in chunks that were never written, little-endian; nil if it is not defined.
  public let fill: [UInt8]?

  package init(
    chunkDimensions: [UInt64], filters: [HDF5ChunkFilter], leavesPartialChunksUnfiltered: Bool, chunks: [HDF5Chunk?],
    fill: [UInt8]?
  ) {
    self.chunkDimensions = chunkDimensions
    self.filters = filters
    self.leavesPartialChunksUnfiltered = leavesPartialChunksUnfiltered
    self.chunks = chunks
    self.fill = fill
  }

  /// The number of chunks in each dimension of a dataset.
  package static func grid(_ dimensions: [UInt64], chunkDimensions: [UInt64]) -> [UInt64] {
    zip(dimensions, chunkDimensions).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) }
  }
}

/// One chunk in the file.
public struct HDF5Chunk: Sendable, Hashable {
  /// From the start of the file, user block included.
  public let offset: UInt64
  public let storedSize: UInt64
  /// Bit i is set if filter i was not applied.
  public let filterMask: UInt32

  package init(offset: UInt64, storedSize: UInt64, filterMask: UInt32) {
    self.offset = offset
    self.storedSize = storedSize
    self.filterMask = filterMask
  }
}

/// A filter that this library decodes itself.
public enum HDF5ChunkFilter: Sendable, Hashable {
  /// Byte k of all elements before byte k + 1, for elements of `width` bytes.
  case shuffle(width: Int)
  /// A zlib stream.
  case deflate
  /// A block of liblzf, as h5py writes it.
  case lzf
  /// A checksum in the last 4 bytes.
  case fletcher32
}

/// The product of dimensions and of an element's size in bytes, as far as `Int` goes.
///
/// A dimension of 0 makes it 0, but the others must still fit.
package func checkedByteCount(_ dimensions: [UInt64], elementSize: Int) -> Int? {
  var product = elementSize
  for dimension in dimensions {
    guard let dimension = Int(exactly: dimension) else { return nil }
    let (next, overflow) = product.multipliedReportingOverflow(by: max(1, dimension))
    guard !overflow else { return nil }
    product = next
  }
  return dimensions.contains(0) ? 0 : product
}

/// Counts `position` up within `grid`, the last number fastest.
package func advance(_ position: inout [UInt64], in grid: [UInt64]) {
  for axis in grid.indices.reversed() {
    position[axis] += 1
    if position[axis] < grid[axis] { return }
    position[axis] = 0
  }
}
