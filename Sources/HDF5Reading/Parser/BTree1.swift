/// A tree of version 1: section III.A.1 of the specification. Its keys stand around its children.
struct BTree1 {
  let reader: MetadataReader
  /// 0 for the members of a group, 1 for chunks.
  let type: UInt8
  let keySize: Int
  private var visited: Set<UInt64> = []

  init(_ reader: MetadataReader, type: UInt8, keySize: Int) {
    self.reader = reader
    self.type = type
    self.keySize = keySize
  }

  /// Calls `body` with each child of each leaf, in order, the key before it and the one behind it; calls `inner` with
  /// what stands around each child of a node that is no leaf, before and behind it.
  ///
  /// - Parameter node: the address of the root.
  mutating func forEachChild(
    of node: UInt64, _ body: (_ child: UInt64, _ key: ByteReader, _ next: ByteReader) throws -> Void,
    inner: (_ key: ByteReader, _ isBehind: Bool) throws -> Void = { _, _ in }
  ) throws {
    try visit(node, level: nil, body, inner)
  }

  private mutating func visit(
    _ address: UInt64, level expected: UInt8?, _ body: (UInt64, ByteReader, ByteReader) throws -> Void,
    _ inner: (ByteReader, Bool) throws -> Void
  ) throws {
    guard visited.insert(address).inserted else { throw ParseError("a tree has a loop at address \(address)") }
    let width = reader.superblock.sizes.address
    var head = try reader.bytes(at: address, count: 8 + 2 * width)
    try head.expect("TREE", "node of a tree")
    let found = try head.u8()
    guard found == type else { throw ParseError("a tree of type \(found) at address \(address), it should be \(type)") }
    let level = try head.u8()
    guard expected == nil || level == expected else {
      throw ParseError("level \(level) at address \(address) of a tree, it should be \(expected ?? 0)")
    }
    let count = Int(try head.u16())
    guard count > 0 else { return }
    var entries = try reader.bytes(
      at: address + UInt64(8 + 2 * width), count: count * (keySize + width) + keySize)
    var key = try entries.take(keySize)
    for _ in 0..<count {
      let child = try entries.address(of: "child of a tree")
      let next = try entries.take(keySize)
      if level == 0 {
        try body(child, key, next)
      } else {
        try inner(key, false)
        try visit(child, level: level - 1, body, inner)
        try inner(next, true)
      }
      key = next
    }
  }
}
