/// A tree of version 2: section III.A.2 of the specification. Its records are in all of its nodes.
struct BTree2 {
  let type: UInt8
  let recordSize: Int
  private let reader: MetadataReader
  private let nodeSize: Int
  private let depth: Int
  private let root: UInt64?
  private let rootCount: Int
  private let total: UInt64
  /// For each level from the leaves up: the most records of a node, and the most in it and below.
  private var capacities: [(records: UInt64, all: UInt64)] = []

  /// - Parameter types: the types of tree that are allowed here.
  init(_ reader: MetadataReader, at address: UInt64, types: Set<UInt8>) throws {
    self.reader = reader
    let sizes = reader.superblock.sizes
    var head = try reader.bytes(at: address, count: 18 + sizes.address + sizes.length + 4)
    try head.verifyChecksum("head of a tree")
    try head.expect("BTHD", "head of a tree")
    _ = try head.expectVersion(0...0, "tree")
    type = try head.u8()
    guard types.contains(type) else { throw ParseError("a tree of type \(type), it should be \(types.sorted())") }
    nodeSize = Int(try head.u32())
    recordSize = Int(try head.u16())
    depth = Int(try head.u16())
    try head.skip(2)
    root = try head.address()
    rootCount = Int(try head.u16())
    total = try head.length()
    guard recordSize > 0, nodeSize > 10 + recordSize, depth < ParserLimits.levels else {
      throw ParseError("a tree of \(depth) levels with nodes of \(nodeSize) bytes and records of \(recordSize)")
    }
    let leaf = UInt64((nodeSize - 10) / recordSize)
    capacities = [(leaf, leaf)]
    for level in 0..<depth {
      let pointer = UInt64(pointerSize(to: level))
      guard UInt64(nodeSize) > 10 + pointer else { throw ParseError("nodes of \(nodeSize) bytes in a tree") }
      let records = (UInt64(nodeSize) - 10 - pointer) / (UInt64(recordSize) + pointer)
      let (below, overflow) = (records + 1).multipliedReportingOverflow(by: capacities[level].all)
      guard records > 0, !overflow, below < .max - records else { throw ParseError("a tree of \(depth) levels") }
      capacities.append((records, below + records))
    }
  }

  private func width(_ value: UInt64) -> Int { (63 - max(1, value).leadingZeroBitCount) / 8 + 1 }

  /// The size of what points to a node: address, its records, and those below it if it is no leaf.
  private func pointerSize(to level: Int) -> Int {
    reader.superblock.sizes.address + width(capacities[0].records) + (level > 0 ? width(capacities[level].all) : 0)
  }

  /// Calls `body` with each record in order.
  func forEachRecord(_ body: (inout ByteReader) throws -> Void) throws {
    guard let root, rootCount > 0 || depth > 0 else { return }
    var visited: Set<UInt64> = []
    var count: UInt64 = 0
    try visit(root, level: depth, count: rootCount, &visited) { record in
      count += 1
      try body(&record)
    }
    guard count == total else { throw ParseError("a tree has \(count) records, its head says \(total)") }
  }

  private func visit(
    _ address: UInt64, level: Int, count: Int, _ visited: inout Set<UInt64>, _ body: (inout ByteReader) throws -> Void
  ) throws {
    guard visited.insert(address).inserted else { throw ParseError("a tree has a loop at address \(address)") }
    guard UInt64(count) <= capacities[level].records else {
      throw ParseError("\(count) records in a node of a tree that has space for \(capacities[level].records)")
    }
    let childSize = level == 0 ? 0 : pointerSize(to: level - 1)
    let size = 6 + count * recordSize + (level == 0 ? 0 : (count + 1) * childSize) + 4
    guard size <= nodeSize else { throw ParseError("a node of \(size) bytes in a tree of nodes of \(nodeSize)") }
    var node = try reader.bytes(at: address, count: size)
    try node.verifyChecksum("node of a tree")
    try level == 0 ? node.expect("BTLF", "leaf of a tree") : node.expect("BTIN", "node of a tree")
    _ = try node.expectVersion(0...0, "node of a tree")
    let found = try node.u8()
    guard found == type else { throw ParseError("a node of a tree of type \(found), it should be \(type)") }
    var records = try node.take(count * recordSize)
    guard level > 0 else {
      for _ in 0..<count {
        var record = try records.take(recordSize)
        try body(&record)
      }
      return
    }
    for index in 0...count {
      let child = try node.address(of: "child of a tree")
      let childCount = Int(try node.number(width(capacities[0].records)))
      if level > 1 { _ = try node.number(width(capacities[level - 1].all)) }
      try visit(child, level: level - 1, count: childCount, &visited, body)
      guard index < count else { break }
      var record = try records.take(recordSize)
      try body(&record)
    }
  }
}
