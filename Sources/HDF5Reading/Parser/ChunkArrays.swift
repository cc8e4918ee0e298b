/// An array of chunks whose number is fixed: section VII.C of the specification.
struct FixedArray {
  private let reader: MetadataReader
  private let entry: ChunkEntry
  private let entrySize: Int
  private let count: UInt64
  private let pageCount: UInt64
  /// Entries of a page; all of them if there are no pages.
  private let pageEntries: UInt64
  private var entries = ByteReader([], 0..<0, origin: 0, sizes: FieldSizes())
  private var bitmap: [UInt8] = []
  private var firstPage: UInt64 = 0
  private var pages = PageCache()

  init(_ reader: MetadataReader, at address: UInt64, entry: ChunkEntry) throws {
    self.reader = reader
    self.entry = entry
    let sizes = reader.superblock.sizes
    var head = try reader.bytes(at: address, count: 8 + sizes.length + sizes.address + 4)
    try head.verifyChecksum("head of an array")
    try head.expect("FAHD", "head of an array")
    _ = try head.expectVersion(0...0, "array")
    try checkClient(&head, entry)
    entrySize = Int(try head.u8())
    let bits = try head.u8()
    count = try head.length()
    guard let block = try head.address() else {
      (pageCount, pageEntries) = (0, 0)
      return
    }
    guard (1...32).contains(bits), count <= UInt64(Int.max) / 256 else {
      throw ParseError("an array of \(count) entries in pages of 2^\(bits)")
    }
    let isPaged = count > 1 << UInt64(bits)
    pageEntries = isPaged ? 1 << UInt64(bits) : count
    pageCount = isPaged ? (count - 1) / pageEntries + 1 : 0
    let prefix = 6 + sizes.address
    let bitmapSize = (Int(pageCount) + 7) / 8
    let size = prefix + bitmapSize + (isPaged ? 0 : Int(count) * entrySize) + 4
    var body = try reader.bytes(at: block, count: size)
    try body.verifyChecksum("array")
    try body.expect("FADB", "array")
    _ = try body.expectVersion(0...0, "array")
    try checkClient(&body, entry)
    try checkOwner(&body, address)
    bitmap = Array(try body.take(bitmapSize).slice)
    firstPage = block + UInt64(size)
    if !isPaged { entries = try body.take(Int(count) * entrySize) }
  }

  mutating func chunk(_ index: UInt64) throws -> HDF5Chunk? {
    // Without a block, nothing was ever written.
    guard pageEntries > 0 else { return nil }
    guard index < count else { throw ParseError("chunk \(index) of an array of \(count)") }
    guard pageCount > 0 else {
      var place = entries
      try place.skip(Int(index) * entrySize)
      return try entry.read(&place, size: entrySize)
    }
    let page = index / pageEntries
    guard bitmap[Int(page / 8)] & 0x80 >> (page % 8) != 0 else { return nil }
    let (start, overflow) = page.multipliedReportingOverflow(by: pageEntries * UInt64(entrySize) + 4)
    guard !overflow, start <= reader.file.byteCount else { throw ParseError("page \(page) of an array") }
    let inPage = min(pageEntries, count - page * pageEntries)
    var place = try pages.page(reader, at: firstPage + start, count: Int(inPage), entrySize: entrySize)
    try place.skip(Int(index % pageEntries) * entrySize)
    return try entry.read(&place, size: entrySize)
  }
}

/// An array of chunks that grows in one dimension: section VII.D of the specification.
struct ExtensibleArray {
  private let reader: MetadataReader
  private let entry: ChunkEntry
  private let address: UInt64
  private let entrySize: Int
  /// The width of the array's own offsets, in bytes.
  private let offsetSize: Int
  private let firstCount: UInt64
  private let leastInBlock: UInt64
  private let pageEntries: UInt64
  private var entries = ByteReader([], 0..<0, origin: 0, sizes: FieldSizes())
  /// The data blocks, and the blocks of their addresses, that the first block names.
  private var dataBlocks: [UInt64?] = []
  private var superBlocks: [UInt64?] = []
  /// How many groups of data blocks the first block names itself.
  private var directGroups = 0
  private var knownSuperBlocks: [UInt64: (bitmap: [UInt8], blocks: [UInt64?])] = [:]
  private var knownBlocks: [UInt64: ByteReader] = [:]
  private var pages = PageCache()

  init(_ reader: MetadataReader, at address: UInt64, entry: ChunkEntry) throws {
    self.reader = reader
    self.entry = entry
    self.address = address
    let sizes = reader.superblock.sizes
    var head = try reader.bytes(at: address, count: 12 + 6 * sizes.length + sizes.address + 4)
    try head.verifyChecksum("head of an array")
    try head.expect("EAHD", "head of an array")
    _ = try head.expectVersion(0...0, "array")
    try checkClient(&head, entry)
    entrySize = Int(try head.u8())
    let bits = Int(try head.u8())
    firstCount = UInt64(try head.u8())
    leastInBlock = UInt64(try head.u8())
    let leastPointers = UInt64(try head.u8())
    let pageBits = Int(try head.u8())
    offsetSize = (bits + 7) / 8
    func isPower(_ value: UInt64) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard (1...64).contains(bits), isPower(leastInBlock), isPower(leastPointers), pageBits < 32,
      leastInBlock.trailingZeroBitCount <= bits
    else {
      throw ParseError("an array of 2^\(bits) entries in blocks of \(leastInBlock) and \(leastPointers)")
    }
    pageEntries = 1 << UInt64(pageBits)
    for _ in 0..<6 { _ = try head.length() }
    guard let block = try head.address() else { return }

    let groups = 1 + bits - leastInBlock.trailingZeroBitCount
    directGroups = min(groups, 2 * leastPointers.trailingZeroBitCount)
    let blockCount = Int(2 * (leastPointers - 1))
    let size =
      6 + sizes.address + Int(firstCount) * entrySize + (blockCount + groups - directGroups) * sizes.address + 4
    var body = try reader.bytes(at: block, count: size)
    try body.verifyChecksum("first block of an array")
    try body.expect("EAIB", "first block of an array")
    _ = try body.expectVersion(0...0, "array")
    try checkClient(&body, entry)
    try checkOwner(&body, address)
    entries = try body.take(Int(firstCount) * entrySize)
    for _ in 0..<blockCount { dataBlocks.append(try body.address()) }
    for _ in 0..<groups - directGroups { superBlocks.append(try body.address()) }
  }

  mutating func chunk(_ index: UInt64) throws -> HDF5Chunk? {
    if index < firstCount {
      guard entries.remaining > 0 else { return nil }
      return try read(entries, at: index)
    }
    // Group g has 2^(g/2) blocks of 2^((g+1)/2) times the least number of entries.
    let rest = index - firstCount
    let group = 63 - (rest / leastInBlock + 1).leadingZeroBitCount
    let blockEntries = leastInBlock << UInt64((group + 1) / 2)
    let groupStart = leastInBlock * (1 << UInt64(group) - 1)
    let block = (rest - groupStart) / blockEntries
    let inBlock = (rest - groupStart) % blockEntries
    // The number of the block's first entry among those behind the first block's own.
    let start = groupStart + block * blockEntries

    if group < directGroups {
      // Blocks before this group: 1 + 1 + 2 + 2 + 4 + 4 + ...
      let before = (0..<group).reduce(0) { $0 + 1 << ($1 / 2) }
      guard before + Int(block) < dataBlocks.count else { return nil }
      guard let place = dataBlocks[before + Int(block)] else { return nil }
      guard blockEntries <= pageEntries else { throw ParseError("an array whose first blocks have pages") }
      // libhdf5 counts the blocks of earlier groups as if they had the size of this one's.
      let counted = groupStart + UInt64(before + Int(block)) * blockEntries
      return try read(dataBlock(at: place, start: [start, counted], count: blockEntries), at: inBlock)
    }
    guard group - directGroups < superBlocks.count, let parent = superBlocks[group - directGroups] else { return nil }
    let (bitmap, blocks) = try superBlock(at: parent, start: groupStart, group: group, blockEntries)
    guard let place = blocks[Int(block)] else { return nil }
    guard blockEntries > pageEntries else {
      return try read(dataBlock(at: place, start: [start], count: blockEntries), at: inBlock)
    }
    let page = inBlock / pageEntries
    let bit = block * (blockEntries / pageEntries) + page
    guard Int(bit / 8) < bitmap.count, bitmap[Int(bit / 8)] & 0x80 >> (bit % 8) != 0 else { return nil }
    let prefix = UInt64(6 + reader.superblock.sizes.address + offsetSize + 4)
    if knownBlocks[place] == nil { knownBlocks[place] = try dataBlock(at: place, start: [start], count: 0) }
    let (first, overflow) = page.multipliedReportingOverflow(by: pageEntries * UInt64(entrySize) + 4)
    guard !overflow, first <= reader.file.byteCount else { throw ParseError("page \(page) of an array") }
    let entries = try pages.page(reader, at: place + prefix + first, count: Int(pageEntries), entrySize: entrySize)
    return try read(entries, at: inBlock % pageEntries)
  }

  private func read(_ entries: ByteReader, at index: UInt64) throws -> HDF5Chunk? {
    var place = entries
    try place.skip(Int(index) * entrySize)
    return try entry.read(&place, size: entrySize)
  }

  /// - Parameter count: the entries of the block, or 0 if they are in pages behind it.
  private mutating func dataBlock(at place: UInt64, start: [UInt64], count: UInt64) throws -> ByteReader {
    if count > 0, let known = knownBlocks[place], known.remaining == Int(count) * entrySize { return known }
    let prefix = 6 + reader.superblock.sizes.address + offsetSize
    var body = try reader.bytes(at: place, count: prefix + Int(count) * entrySize + 4)
    try body.verifyChecksum("block of an array")
    try body.expect("EADB", "block of an array")
    _ = try body.expectVersion(0...0, "array")
    try checkClient(&body, entry)
    try checkOwner(&body, address)
    let found = try body.number(offsetSize)
    guard start.contains(found) else { throw ParseError("block \(found) of an array where \(start) is expected") }
    let entries = try body.take(Int(count) * entrySize)
    if count > 0 { knownBlocks[place] = entries }
    return entries
  }

  private mutating func superBlock(
    at place: UInt64, start: UInt64, group: Int, _ blockEntries: UInt64
  ) throws -> (bitmap: [UInt8], blocks: [UInt64?]) {
    if let known = knownSuperBlocks[place], known.blocks.count == 1 << (group / 2) { return known }
    let count = 1 << (group / 2)
    let pages = blockEntries > pageEntries ? Int(blockEntries / pageEntries) : 0
    let width = reader.superblock.sizes.address
    guard count <= 1 << 24, pages <= 1 << 24 else { throw ParseError("a block of \(count) addresses in an array") }
    let bitmapSize = count * ((pages + 7) / 8)
    var body = try reader.bytes(at: place, count: 6 + width + offsetSize + bitmapSize + count * width + 4)
    try body.verifyChecksum("block of addresses of an array")
    try body.expect("EASB", "block of addresses of an array")
    _ = try body.expectVersion(0...0, "array")
    try checkClient(&body, entry)
    try checkOwner(&body, address)
    let found = try body.number(offsetSize)
    guard found == start else { throw ParseError("block \(found) of an array where \(start) is expected") }
    let bitmap = Array(try body.take(bitmapSize).slice)
    let blocks = try (0..<count).map { _ in try body.address() }
    knownSuperBlocks[place] = (bitmap, blocks)
    return (bitmap, blocks)
  }
}

private func checkClient(_ bytes: inout ByteReader, _ entry: ChunkEntry) throws {
  let client = try bytes.u8()
  guard client == (entry.isFiltered ? 1 : 0) else {
    throw ParseError("an array of chunks of kind \(client), it should be \(entry.isFiltered ? 1 : 0)")
  }
}

private func checkOwner(_ bytes: inout ByteReader, _ address: UInt64) throws {
  guard try bytes.address() == address else { throw ParseError("a block of another array") }
}

/// Pages of arrays that were read, each with its own checksum. Memory: at most 256 pages.
private struct PageCache {
  private var pages: [UInt64: ByteReader] = [:]

  mutating func page(_ reader: MetadataReader, at place: UInt64, count: Int, entrySize: Int) throws -> ByteReader {
    if let known = pages[place], known.remaining == count * entrySize { return known }
    var page = try reader.bytes(at: place, count: count * entrySize + 4)
    try page.verifyChecksum("page of an array")
    page = try page.take(count * entrySize)
    if pages.count >= 256 { pages.removeAll() }
    pages[place] = page
    return page
  }
}
