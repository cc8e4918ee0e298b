internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Finds the chunks of one dataset.
struct ChunkTable {
  let place: HDF5Handle
  let fileSize: UInt64
  let userBlockSize: UInt64
  let superblockVersion: Int

  /// libhdf5 1.10 looks through all chunks for each one that it is asked for, so that this many take seconds.
  private static let chunkLimit = 65_536

  func storage(
    _ properties: borrowing Identifier, _ type: borrowing Datatype, _ space: borrowing Dataspace, elementSize: Int
  ) throws(HDF5Error) -> HDF5Storage {
    let dimensions = space.dimensions
    var chunk = [UInt64](repeating: 0, count: dimensions.count)
    let rank = try check("read the size of the chunks", at: place) {
      // Safe because the library is told how many elements the array has.
      unsafe H5Pget_chunk(properties.raw, Int32(chunk.count), &chunk)
    }
    guard Int(rank) == dimensions.count, !chunk.contains(0) else {
      return .refused(reason: "its chunks \(chunk) of rank \(rank) do not fit its dimensions \(dimensions)")
    }
    let grid = HDF5ChunkIndex.grid(dimensions, chunkDimensions: chunk)
    guard let count = checkedByteCount(grid, elementSize: 1), count <= Self.chunkLimit else {
      return .refused(reason: "it has a grid of \(grid) chunks, the limit is \(Self.chunkLimit)")
    }
    var options: UInt32 = 0
    // Safe because the library fills the one number that it is given.
    try check("read the options of chunks", at: place) { unsafe H5Pget_chunk_opts(properties.raw, &options) }
    // Asked for chunks by their place, libhdf5 1.10 takes an extensible array for one whose first dimension grows.
    let mayBeArray = superblockVersion > 2 || options != 0
    if mayBeArray, space.unlimitedAxes.count == 1, space.unlimitedAxes != [0] {
      return .refused(reason: "its dimension \(space.unlimitedAxes[0]) grows, and libhdf5 1.10 gives wrong chunks then")
    }
    let filters: [HDF5ChunkFilter]
    switch try FilterList.read(from: properties, at: place) {
    case .known(let list): filters = list
    case .unknown(let reason): return .refused(reason: reason)
    }
    guard let base = userBlockSize == 0 ? 0 : UserBlockProbe.correction(userBlockSize: userBlockSize) else {
      return .refused(reason: "it has chunks behind a user block, and this libhdf5 does not tell where")
    }

    var chunks: [HDF5Chunk?] = []
    chunks.reserveCapacity(count)
    var position = [UInt64](repeating: 0, count: grid.count)
    for _ in 0..<count {
      let origin = zip(position, chunk).map { $0 * $1 }
      chunks.append(try self.chunk(at: origin, base: base))
      advance(&position, in: grid)
    }
    return .chunked(
      HDF5ChunkIndex(
        chunkDimensions: chunk, filters: filters,
        leavesPartialChunksUnfiltered: options & chdf5_partial_chunks_unfiltered() != 0, chunks: chunks,
        fill: try chunks.contains(nil) ? FillValue.read(from: properties, type, at: place) : nil))
  }

  private func chunk(at origin: [UInt64], base: UInt64) throws(HDF5Error) -> HDF5Chunk? {
    var address: UInt64 = 0
    var size: UInt64 = 0
    var mask: UInt32 = 0
    try check("find the chunk at \(origin)", at: place) {
      // Safe because the array has as many elements as the dataset has dimensions.
      let chunk = unsafe chdf5_chunk_at(place.raw, origin)
      (address, size, mask) = (chunk.address, chunk.size, chunk.filter_mask)
      return chunk.status
    }
    guard address != chdf5_undefined_address() else { return nil }
    let (offset, overflow) = address.addingReportingOverflow(base)
    // An offset that does not fit is one beyond the file, which validation finds.
    return HDF5Chunk(offset: overflow ? .max : offset, storedSize: size, filterMask: mask)
  }
}

/// The filters of a dataset, if this library decodes them all.
enum FilterList {
  case known([HDF5ChunkFilter])
  case unknown(reason: String)

  static func read(from properties: borrowing Identifier, at place: HDF5Handle) throws(HDF5Error) -> FilterList {
    let count = try check("count the filters", at: place) { H5Pget_nfilters(properties.raw) }
    var filters: [HDF5ChunkFilter] = []
    for index in 0..<UInt32(count) {
      var values = [UInt32](repeating: 0, count: 32)
      var valueCount = values.count
      var name = [CChar](repeating: 0, count: 256)
      var flags: UInt32 = 0
      let number = try check("read filter \(index)", at: place) {
        // Safe because the library is told the sizes of both arrays.
        unsafe H5Pget_filter2(properties.raw, index, &flags, &valueCount, &values, name.count, &name, nil)
      }
      switch number {
      // Where two compressions follow each other, nothing says how large the bytes between them are.
      case H5Z_FILTER_DEFLATE where !filters.contains(where: \.isCompression): filters.append(.deflate)
      case FilterName.lzf where !filters.contains(where: \.isCompression): filters.append(.lzf)
      case H5Z_FILTER_SHUFFLE where valueCount >= 1 && values[0] > 0: filters.append(.shuffle(width: Int(values[0])))
      case H5Z_FILTER_FLETCHER32: filters.append(.fletcher32)
      default:
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return .unknown(reason: FilterName.refusal(of: number, calledInFile: text, behind: filters))
      }
    }
    return .known(filters)
  }
}
