import TensorFerryHDF5Reading

/// What two descriptions of one file say differently.
///
/// What one of them refuses (an unreadable object, storage that is not read, an attribute that is not supported) is no
/// difference; `refusals` counts what only the first one refuses, and what only the second does.
struct Differences {
  private(set) var found: [String] = []
  private(set) var refusals: (first: [String], second: [String]) = ([], [])

  init(_ first: HDF5Inventory, _ second: HDF5Inventory) {
    expect(first.byteCount, second.byteCount, "size")
    expect(first.userBlockSize, second.userBlockSize, "user block")
    expect(first.superblockVersion, second.superblockVersion, "superblock")
    compare(first.attributes, second.attributes, "/")
    // A group that one of them cannot read has no members there.
    let theirs = Dictionary(second.links.map { ($0.path, $0.target) }) { first, _ in first }
    let mine = Dictionary(first.links.map { ($0.path, $0.target) }) { first, _ in first }
    for link in first.links {
      guard let other = theirs[link.path] else {
        refusals.second.append("\(link.path) is not listed")
        continue
      }
      compare(link.target, other, link.path)
    }
    for link in second.links where mine[link.path] == nil { refusals.first.append("\(link.path) is not listed") }
    let common = first.links.map(\.path).filter { theirs[$0] != nil }
    expect(common, second.links.map(\.path).filter { mine[$0] != nil }, "order of links")
  }

  private mutating func expect<Value: Equatable>(_ first: Value, _ second: Value, _ what: String) {
    if first != second { found.append("\(what): \(first) and \(second)") }
  }

  private mutating func compare(_ first: [HDF5Attribute], _ second: [HDF5Attribute], _ path: String) {
    expect(first.map(\.name), second.map(\.name), "attributes of \(path)")
    for (mine, theirs) in zip(first, second) where mine != theirs {
      switch (mine.value, theirs.value) {
      case (.unsupported, .unsupported): continue
      case (.unsupported(let reason), _): refusals.first.append("\(path), attribute \(mine.name): \(reason)")
      case (_, .unsupported(let reason)): refusals.second.append("\(path), attribute \(mine.name): \(reason)")
      default:
        // A NaN is not equal to itself.
        if "\(mine)" != "\(theirs)" { found.append("attribute \(mine.name) of \(path): \(mine) and \(theirs)") }
      }
    }
  }

  private mutating func compare(_ first: HDF5Link.Target, _ second: HDF5Link.Target, _ path: String) {
    switch (first, second) {
    case (.unreadable, .unreadable): return
    case (.unreadable(let reason), _): refusals.first.append("\(path): \(reason)")
    case (_, .unreadable(let reason)): refusals.second.append("\(path): \(reason)")
    case (.group(let mine, let attributes), .group(let theirs, let others)):
      expect(mine.address, theirs.address, "address of \(path)")
      compare(attributes, others, path)
    case (.soft(let mine), .soft(let theirs)): expect(mine, theirs, "target of \(path)")
    case (.external(let file, let object), .external(let otherFile, let otherObject)):
      expect([file, object], [otherFile, otherObject], "target of \(path)")
    case (.committedDatatype, .committedDatatype): return
    case (.dataset(let mine), .dataset(let theirs)): compare(mine, theirs, path)
    default: found.append("\(path): \(first) and \(second)")
    }
  }

  private mutating func compare(_ first: HDF5DatasetDescription, _ second: HDF5DatasetDescription, _ path: String) {
    expect(first.path, second.path, "first path of \(path)")
    expect(first.identity.address, second.identity.address, "address of \(path)")
    expect(first.elementType, second.elementType, "type of \(path)")
    expect(first.isBigEndian, second.isBigEndian, "byte order of \(path)")
    expect(first.dimensions, second.dimensions, "shape of \(path)")
    expect(first.isNull, second.isNull, "null dataspace of \(path)")
    expect(first.byteCount, second.byteCount, "size of \(path)")
    compare(first.attributes, second.attributes, path)
    switch (first.storage, second.storage) {
    case (.refused, .refused): return
    case (.refused(let reason), _): refusals.first.append("\(path): \(reason)")
    case (_, .refused(let reason)): refusals.second.append("\(path): \(reason)")
    case (.chunked(let mine), .chunked(let theirs)):
      expect(mine.chunkDimensions, theirs.chunkDimensions, "chunks of \(path)")
      expect(mine.filters, theirs.filters, "filters of \(path)")
      expect(mine.leavesPartialChunksUnfiltered, theirs.leavesPartialChunksUnfiltered, "partial chunks of \(path)")
      expect(mine.fill, theirs.fill, "fill value of \(path)")
      for (number, (chunk, other)) in zip(mine.chunks, theirs.chunks).enumerated() where chunk != other {
        found.append("chunk \(number) of \(path): \(String(describing: chunk)) and \(String(describing: other))")
      }
      expect(mine.chunks.count, theirs.chunks.count, "number of chunks of \(path)")
    default: expect(first.storage, second.storage, "storage of \(path)")
    }
  }
}
