/// A heap of objects in blocks that double in size: section III.G of the specification.
final class FractalHeap {
  // The reader keeps heaps of shared messages.
  private unowned let reader: MetadataReader
  private let address: UInt64
  private var identifierSize = 0
  private var hasChecksums = false
  private var maximumManagedSize: UInt64 = 0
  private var hugeTree: UInt64?
  private var tableWidth: UInt64 = 0
  private var startSize: UInt64 = 0
  private var maximumDirectSize: UInt64 = 0
  /// The width of the heap's own offsets in bits.
  private var offsetBits = 0
  private var root: UInt64?
  private var rootRows = 0
  private var blocks: [Place: ByteReader] = [:]
  private var tables: [Place: [UInt64?]] = [:]
  private var huge: [UInt64: (address: UInt64, length: UInt64)]?

  /// A block is what it is by its address, by where in the heap it begins, and by its size.
  private struct Place: Hashable {
    let address, start, size: UInt64
  }

  private var offsetSize: Int { (offsetBits + 7) / 8 }
  private var headSize: Int { 5 + reader.superblock.sizes.address + offsetSize }

  init(_ reader: MetadataReader, at address: UInt64) throws {
    self.reader = reader
    self.address = address
    let sizes = reader.superblock.sizes
    let count = 22 + 12 * sizes.length + 3 * sizes.address + 4
    var head = try reader.bytes(at: address, count: count)
    var start = head
    try start.expect("FRHP", "heap")
    _ = try start.expectVersion(0...0, "heap")
    try start.skip(2)
    guard try start.u16() == 0 else {
      throw ParseError("a heap whose blocks are filtered, which is not read", code: .unsupportedStorage)
    }
    try head.verifyChecksum("heap")
    try head.skip(5)
    identifierSize = Int(try head.u16())
    try head.skip(2)
    hasChecksums = try head.u8() & 2 != 0
    maximumManagedSize = UInt64(try head.u32())
    _ = try head.length()
    hugeTree = try head.address()
    _ = try head.length()
    _ = try head.address()
    for _ in 0..<8 { _ = try head.length() }
    tableWidth = UInt64(try head.u16())
    startSize = try head.length()
    maximumDirectSize = try head.length()
    offsetBits = Int(try head.u16())
    _ = try head.u16()
    root = try head.address()
    rootRows = Int(try head.u16())
    func isPower(_ value: UInt64) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard isPower(tableWidth), isPower(startSize), isPower(maximumDirectSize), startSize <= maximumDirectSize,
      maximumDirectSize <= UInt64(ParserLimits.structureBytes), (1...64).contains(offsetBits),
      rootRows <= ParserLimits.levels
    else {
      throw ParseError(
        "a heap of width \(tableWidth) with blocks of \(startSize) to \(maximumDirectSize) bytes, "
          + "\(offsetBits) bits and \(rootRows) rows")
    }
  }

  /// The object that an identifier of this heap names.
  func object(_ identifier: ByteReader) throws -> ByteReader {
    var identifier = identifier
    let first = try identifier.u8()
    guard first & 0xC0 == 0 else { throw ParseError("version \(first >> 6) of a heap's identifier, 0 is read") }
    switch first >> 4 & 3 {
    case 0:
      let offset = try identifier.number(offsetSize)
      return try managed(offset, length: identifier.number(lengthSize))
    case 1: return try hugeObject(identifier)
    case 2:
      guard identifierSize - 1 <= 16 else { return try longTiny(first, identifier) }
      return try identifier.take(Int(first & 0x0F) + 1)
    default: throw ParseError("an identifier of an unknown kind in a heap")
    }
  }

  private func longTiny(_ first: UInt8, _ identifier: ByteReader) throws -> ByteReader {
    var identifier = identifier
    return try identifier.take(Int(first & 0x0F) << 8 + Int(identifier.u8()) + 1)
  }

  private static func log2(_ value: UInt64) -> Int { 63 - value.leadingZeroBitCount }

  /// The width of the lengths in identifiers: the least that holds the size of a block and of an object.
  private var lengthSize: Int {
    min(Self.log2(maximumDirectSize), Self.log2(max(1, maximumManagedSize))) / 8 + 1
  }

  private func managed(_ offset: UInt64, length: UInt64) throws -> ByteReader {
    guard let root, offsetBits == 64 || offset >> UInt64(offsetBits) == 0 else {
      throw ParseError("there is no object at place \(offset) of a heap")
    }
    var (place, blockStart, size) = (root, UInt64(0), startSize)
    if rootRows > 0 {
      var rows = rootRows
      let directRows = Self.log2(maximumDirectSize) - Self.log2(startSize) + 2
      while true {
        let (row, rowSize, column) = find(offset - blockStart)
        guard row < rows else { throw ParseError("place \(offset) is behind the end of a heap") }
        let table = try table(at: place, start: blockStart, rows: rows)
        guard let next = table[row * Int(tableWidth) + column] else {
          throw ParseError("there is no block for place \(offset) of a heap")
        }
        let rowStart = row == 0 ? 0 : (startSize * tableWidth) << UInt64(row - 1)
        (place, size) = (next, rowSize)
        blockStart += rowStart + UInt64(column) * rowSize
        guard row >= directRows else { break }
        let childRows = Self.log2(rowSize) - Self.log2(startSize * tableWidth) + 1
        // They are fewer than those of the table above, so this ends.
        guard childRows > 0 else { throw ParseError("a table of \(childRows) rows in a heap") }
        rows = childRows
      }
    }
    var block = try block(at: place, start: blockStart, size: size)
    let inside = offset - blockStart
    guard inside >= UInt64(headSize), inside <= size, length <= size - inside else {
      throw ParseError("an object of \(length) bytes at place \(inside) of a block of \(size) bytes")
    }
    try block.skip(Int(inside))
    return try block.take(Int(length))
  }

  /// Row, size of the blocks in it, and column of a place in a table.
  private func find(_ offset: UInt64) -> (row: Int, size: UInt64, column: Int) {
    let first = startSize * tableWidth
    guard offset >= first else { return (0, startSize, Int(offset / startSize)) }
    let row = Self.log2(offset / first) + 1
    let size = startSize << UInt64(row - 1)
    return (row, size, Int((offset - first << UInt64(row - 1)) / size))
  }

  private func table(at address: UInt64, start: UInt64, rows: Int) throws -> [UInt64?] {
    let count = rows * Int(tableWidth)
    let key = Place(address: address, start: start, size: UInt64(count))
    if let known = tables[key] { return known }
    var bytes = try reader.bytes(at: address, count: headSize + count * reader.superblock.sizes.address + 4)
    try bytes.verifyChecksum("table of a heap")
    try bytes.expect("FHIB", "table of a heap")
    try checkHead(&bytes, start: start)
    var table: [UInt64?] = []
    table.reserveCapacity(count)
    for _ in 0..<count { table.append(try bytes.address()) }
    tables[key] = table
    return table
  }

  private func block(at address: UInt64, start: UInt64, size: UInt64) throws -> ByteReader {
    let key = Place(address: address, start: start, size: size)
    if let known = blocks[key] { return known }
    let whole = try reader.bytes(at: address, length: size)
    var head = whole
    try head.expect("FHDB", "block of a heap")
    try checkHead(&head, start: start)
    if hasChecksums {
      // Its own place counts as zeros.
      let stored = try head.u32()
      var bytes = Array(whole.slice)
      guard bytes.count >= headSize + 4 else { throw ParseError("a block of \(size) bytes in a heap") }
      bytes.replaceSubrange(headSize..<headSize + 4, with: [0, 0, 0, 0])
      guard lookup3(bytes, 0..<bytes.count) == stored else {
        throw ParseError("the checksum of a heap's block at address \(address) does not fit its bytes")
      }
    }
    blocks[key] = whole
    return whole
  }

  private func checkHead(_ bytes: inout ByteReader, start: UInt64) throws {
    _ = try bytes.expectVersion(0...0, "block of a heap")
    let owner = try bytes.address()
    let found = try bytes.number(offsetSize)
    guard owner == address, found == start else {
      throw ParseError("a block of another heap, or of place \(found), where place \(start) is expected")
    }
  }

  private func hugeObject(_ identifier: ByteReader) throws -> ByteReader {
    var identifier = identifier
    let sizes = reader.superblock.sizes
    if sizes.address + sizes.length <= identifierSize - 1 {
      let address = try identifier.address(of: "object of a heap")
      return try reader.bytes(at: address, length: identifier.length())
    }
    if huge == nil {
      guard let hugeTree else { throw ParseError("a heap has no index of its large objects") }
      var found: [UInt64: (address: UInt64, length: UInt64)] = [:]
      try BTree2(reader, at: hugeTree, types: [1]).forEachRecord { record in
        let address = try record.address(of: "object of a heap")
        let length = try record.length()
        found[try record.length()] = (address, length)
      }
      huge = found
    }
    let key = try identifier.number(min(identifierSize - 1, sizes.length))
    guard let place = huge?[key] else { throw ParseError("a heap has no large object \(key)") }
    return try reader.bytes(at: place.address, length: place.length)
  }
}
