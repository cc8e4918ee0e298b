/// Collections of the global heap that were read. Memory: at most about 16 MiB of them.
struct CollectionCache {
  fileprivate var collections: [UInt64: (bytes: ByteReader, objects: [UInt16: (start: Int, count: Int)])] = [:]
  fileprivate var byteCount = 0
}

extension MetadataReader {
  /// The bytes of a variable-length value, given what stands in its place: its length, the address of a collection
  /// and the number of an object in it; sections III.E and VIII.B of the specification.
  ///
  /// - Returns: nil for a null reference.
  func variableLengthValue(_ reference: inout ByteReader) throws -> ArraySlice<UInt8>? {
    let length = Int(try reference.u32())
    let address = try reference.address()
    let index = try reference.u32()
    guard let address, address != 0 else {
      guard length == 0 else { throw ParseError("\(length) bytes of text without a place") }
      return nil
    }
    guard length > 0 else { return [] }
    let collection = try self.collection(at: address)
    guard let number = UInt16(exactly: index), let object = collection.objects[number], number > 0 else {
      throw ParseError("there is no object \(index) in the collection at address \(address)")
    }
    guard length <= object.count else {
      throw ParseError("a text of \(length) bytes in an object of \(object.count)")
    }
    var bytes = collection.bytes
    try bytes.skip(object.start)
    return try bytes.take(length).slice
  }

  private func collection(
    at address: UInt64
  ) throws -> (bytes: ByteReader, objects: [UInt16: (start: Int, count: Int)]) {
    if let known = collections.collections[address] { return known }
    let width = superblock.sizes.length
    var head = try bytes(at: address, count: 8 + width)
    try head.expect("GCOL", "collection of the heap")
    _ = try head.expectVersion(1...1, "collection of the heap")
    try head.skip(3)
    let length = try head.length()
    let whole = try bytes(at: address, length: length)
    var objects: [UInt16: (start: Int, count: Int)] = [:]
    var rest = whole
    try rest.skip(8 + width)
    // What is left is too small for an object, or free space, which is the last one.
    while rest.remaining >= 8 + width {
      let number = try rest.u16()
      try rest.skip(6)
      let size = try rest.length()
      guard number > 0 else { break }
      let start = whole.remaining - rest.remaining
      guard let count = Int(exactly: size), count <= rest.remaining else {
        throw ParseError("an object of \(size) bytes in a collection of \(length)")
      }
      guard objects.updateValue((start, count), forKey: number) == nil else {
        throw ParseError("object \(number) is twice in the collection at address \(address)")
      }
      try rest.skip(min(rest.remaining, count + (8 - count % 8) % 8))
    }
    if collections.byteCount > 16 << 20 { collections = CollectionCache() }
    collections.byteCount += whole.remaining
    collections.collections[address] = (whole, objects)
    return (whole, objects)
  }
}
