/// Finds the chunks of one dataset, whatever index it has: section VII of the specification.
struct ChunkGrid {
  let reader: MetadataReader
  let layout: ChunkLayout
  let space: ParsedDataspace
  let filters: [HDF5ChunkFilter]
  /// The dimensions of a chunk, and the number of chunks in each dimension.
  let chunk: [UInt64]
  let grid: [UInt64]
  /// The size of a chunk that is stored as it is.
  let nominal: UInt64
  /// How many places there are in the grid.
  let count: Int

  /// Why such chunks are not read.
  struct Refusal: Error {
    let reason: String
  }

  /// - Throws: ``Refusal`` if the chunks do not fit the dataset or are too many.
  init(
    _ reader: MetadataReader, _ layout: ChunkLayout, _ space: ParsedDataspace, elementSize: Int,
    filters: [HDF5ChunkFilter]
  ) throws {
    self.reader = reader
    self.layout = layout
    self.space = space
    self.filters = filters
    chunk = Array(layout.dimensions.dropLast())
    guard chunk.count == space.dimensions.count, !chunk.contains(0) else {
      throw Refusal(
        reason: "its chunks \(chunk) of rank \(chunk.count) do not fit its dimensions \(space.dimensions)")
    }
    guard layout.dimensions.last == UInt64(elementSize) else {
      throw Refusal(
        reason: "the elements of its chunks have \(layout.dimensions.last ?? 0) bytes, those of its type \(elementSize)"
      )
    }
    grid = HDF5ChunkIndex.grid(space.dimensions, chunkDimensions: chunk)
    guard let count = checkedByteCount(grid, elementSize: 1), count <= ParserLimits.chunks else {
      throw Refusal(reason: "it has a grid of \(grid) chunks, the limit is \(ParserLimits.chunks)")
    }
    guard let nominal = checkedByteCount(chunk, elementSize: elementSize),
      nominal <= HDF5DatasetDescription.chunkByteLimit
    else {
      throw Refusal(
        reason: "its chunks \(chunk) decode to more than \(HDF5DatasetDescription.chunkByteLimit) bytes each")
    }
    self.count = count
    self.nominal = UInt64(nominal)
  }

  /// One entry for each place of the grid, row-major; nil for a chunk that was never written.
  func chunks() throws -> [HDF5Chunk?] {
    try reader.keep(chunks: count)
    guard let address = layout.address else { return [HDF5Chunk?](repeating: nil, count: count) }
    switch layout.index {
    case .tree1: return try chunks(ofTree1: address)
    case .tree2: return try chunks(ofTree2: address)
    case .single(let size, let mask):
      guard count == 1 else { throw ParseError("one chunk for a grid of \(grid)") }
      guard (size == nil) == filters.isEmpty else { throw ParseError("a chunk with filters and no size, or without") }
      return [HDF5Chunk(offset: reader.offset(of: address), storedSize: size ?? nominal, filterMask: mask)]
    case .implicit:
      guard filters.isEmpty else { throw ParseError("filtered chunks without an index") }
      let strides = try strides(unlimited: nil)
      return try map { place in
        let (start, overflow) = try index(of: place, strides).multipliedReportingOverflow(by: nominal)
        let (chunk, beyond) = address.addingReportingOverflow(start)
        return HDF5Chunk(
          offset: overflow || beyond ? .max : reader.offset(of: chunk), storedSize: nominal, filterMask: 0)
      }
    case .fixedArray:
      var array = try FixedArray(reader, at: address, entry: entry)
      let strides = try strides(unlimited: nil)
      return try map { try array.chunk(index(of: $0, strides)) }
    case .extensibleArray:
      var array = try ExtensibleArray(reader, at: address, entry: entry)
      let unlimited = space.maximum.firstIndex(of: nil)
      let strides = try strides(unlimited: unlimited)
      return try map { try array.chunk(index(of: $0, strides)) }
    }
  }

  /// How an element of an array describes a chunk.
  private var entry: ChunkEntry {
    ChunkEntry(isFiltered: !filters.isEmpty, nominal: nominal, base: reader.file.base)
  }

  private func map(_ body: (_ place: [UInt64]) throws -> HDF5Chunk?) throws -> [HDF5Chunk?] {
    var chunks: [HDF5Chunk?] = []
    chunks.reserveCapacity(count)
    var place = [UInt64](repeating: 0, count: grid.count)
    for _ in 0..<count {
      chunks.append(try body(place))
      advance(&place, in: grid)
    }
    return chunks
  }

  /// How far apart in an array two neighbours in each dimension are. Arrays count the chunks that the dataset may
  /// have, and a dimension that grows without end comes first, wherever it is.
  private func strides(unlimited: Int?) throws -> [UInt64] {
    var strides = [UInt64](repeating: 0, count: grid.count)
    var stride: UInt64 = 1
    for axis in grid.indices.reversed() where axis != unlimited {
      guard let most = space.maximum[axis] else { throw ParseError("an array of chunks that grow in two dimensions") }
      strides[axis] = stride
      let count = most / chunk[axis] + (most % chunk[axis] == 0 ? 0 : 1)
      let (next, overflow) = stride.multipliedReportingOverflow(by: count)
      guard !overflow else { throw ParseError("an array of chunks for dimensions of at most \(space.maximum)") }
      stride = next
    }
    if let unlimited { strides[unlimited] = stride }
    return strides
  }

  private func index(of place: [UInt64], _ strides: [UInt64]) throws -> UInt64 {
    var index: UInt64 = 0
    for axis in place.indices {
      let (part, overflow) = place[axis].multipliedReportingOverflow(by: strides[axis])
      let (sum, beyond) = index.addingReportingOverflow(part)
      guard !overflow, !beyond else { throw ParseError("an index of chunks that does not fit") }
      index = sum
    }
    return index
  }

  /// The number of a place in the grid, or nil if it is outside of it: the dataset has been made smaller.
  private func number(of place: [UInt64]) -> Int? {
    var number: UInt64 = 0
    for axis in place.indices {
      guard place[axis] < grid[axis] else { return nil }
      number = number * grid[axis] + place[axis]
    }
    return Int(number)
  }

  /// A tree of version 1, whose keys are the size, the mask and the first element of a chunk.
  private func chunks(ofTree1 root: UInt64) throws -> [HDF5Chunk?] {
    var chunks = [HDF5Chunk?](repeating: nil, count: count)
    var tree = BTree1(reader, type: 1, keySize: 8 + 8 * (chunk.count + 1))
    // A search goes by the order of the keys, so they must have one, and the same at every level.
    var last: [UInt64]?
    var bound: [UInt64]?
    func check(_ origin: [UInt64]) throws {
      guard last?.lexicographicallyPrecedes(origin) != false,
        bound.map({ origin.lexicographicallyPrecedes($0) }) != true
      else { throw ParseError("a tree has chunk \(origin) behind chunk \(bound ?? last ?? [])") }
    }
    try tree.forEachChild(of: root) { address, key, next in
      var head = key
      let size = UInt64(try head.u32())
      let mask = try head.u32()
      let origin = try self.origin(of: key)
      try check(origin)
      (last, bound) = (origin, nil)
      try check(self.origin(of: next))
      var place: [UInt64] = []
      for axis in chunk.indices {
        guard origin[axis] % chunk[axis] == 0 else { throw ParseError("a chunk at \(origin), chunks are \(chunk)") }
        place.append(origin[axis] / chunk[axis])
      }
      guard let number = number(of: place) else { return }
      chunks[number] = HDF5Chunk(offset: reader.offset(of: address), storedSize: size, filterMask: mask)
    } inner: { key, isBehind in
      let origin = try self.origin(of: key)
      try check(origin)
      if !isBehind { bound = origin }
    }
    return chunks
  }

  /// The first element of a chunk, and behind it the first byte of an element, from its key.
  private func origin(of key: ByteReader) throws -> [UInt64] {
    var key = key
    try key.skip(8)
    return try layout.dimensions.map { _ in try key.u64() }
  }

  /// A tree of version 2, whose records are the address, the size and the mask if there are filters, and the place.
  private func chunks(ofTree2 root: UInt64) throws -> [HDF5Chunk?] {
    var chunks = [HDF5Chunk?](repeating: nil, count: count)
    let tree = try BTree2(reader, at: root, types: [filters.isEmpty ? 10 : 11])
    let placeSize = 8 * chunk.count
    var last: [UInt64]?
    try tree.forEachRecord { record in
      let found = try entry.read(&record, size: tree.recordSize - placeSize)
      let place = try chunk.map { _ in try record.u64() }
      if let last {
        guard last.lexicographicallyPrecedes(place) else {
          throw ParseError("a tree has chunk \(place) behind chunk \(last)")
        }
      }
      last = place
      guard let number = number(of: place) else { return }
      chunks[number] = found
    }
    return chunks
  }
}

/// How an index describes one chunk: its address, and its size and mask if there are filters.
struct ChunkEntry {
  let isFiltered: Bool
  let nominal: UInt64
  /// Where addresses count from.
  let base: UInt64

  /// - Parameter size: that of the description in bytes.
  /// - Returns: nil for a chunk that was never written.
  func read(_ bytes: inout ByteReader, size: Int) throws -> HDF5Chunk? {
    let width = size - bytes.sizes.address - 4
    guard isFiltered ? (1...8).contains(width) : width == -4 else {
      throw ParseError("\(size) bytes to describe a chunk")
    }
    let address = try bytes.address()
    let stored = isFiltered ? try bytes.number(width) : nominal
    let mask = isFiltered ? try bytes.u32() : 0
    guard let address else { return nil }
    let (offset, overflow) = address.addingReportingOverflow(base)
    return HDF5Chunk(offset: overflow ? .max : offset, storedSize: stored, filterMask: mask)
  }
}
