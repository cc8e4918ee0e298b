/// Reads the data of a dataset without libhdf5, from what an inventory says about it.
///
/// Every offset and size is checked against the file, a chunk must decode to exactly its size, and nothing outside of
/// the file is ever read, so the file may come from a stranger.
public struct HDF5DatasetReader: Sendable {
  public let description: HDF5DatasetDescription
  let source: any HDF5ByteSource
  let elementSize: Int

  /// - Throws: ``HDF5Error`` with code `.unsupportedType` if the elements are not plain bytes, `.unsupportedStorage` if
  ///   the inventory refused the dataset, `.damagedData` if what it says does not fit the file.
  public init(_ description: HDF5DatasetDescription, source: any HDF5ByteSource) throws {
    guard let elementSize = description.elementType.byteCount else {
      throw HDF5Error(
        .unsupportedType, "the elements are \(description.elementType), which are not plain bytes",
        object: description.path)
    }
    if case .refused(let reason) = description.storage {
      throw HDF5Error(.unsupportedStorage, "cannot read the data: \(reason)", object: description.path)
    }
    if let problem = description.problem(fileSize: source.byteCount) {
      throw HDF5Error(.damagedData, "cannot read the data: \(problem)", object: description.path)
    }
    self.description = description
    self.source = source
    self.elementSize = elementSize
  }

  /// Fills `buffer` with the bytes `range` of the dataset, row-major and little-endian.
  ///
  /// Memory: one chunk, stored and decoded. A chunk is decoded once in a call, however many rows it has.
  ///
  /// - Throws: ``HDF5Error`` with code `.outOfRange` unless the range lies in the dataset and has the size of `buffer`,
  ///   `.damagedData` for a chunk that does not decode to its size, and whatever the source throws.
  public func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let size = buffer.count
    guard range.lowerBound >= 0, range.upperBound <= description.byteCount, size == range.count else {
      throw HDF5Error(
        .outOfRange, "bytes \(range) into a buffer of \(size), the dataset has \(description.byteCount)",
        object: description.path)
    }
    guard !range.isEmpty else { return }
    // Safe because the buffer has been found to have exactly the size of the range.
    switch description.storage {
    case .contiguous(let offset): try unsafe readContiguous(range, from: offset, into: buffer)
    case .compact(var bytes):
      if description.isBigEndian { reverseBytes(of: &bytes, width: swapWidth) }
      unsafe buffer.copyBytes(from: bytes[range])
    case .chunked(let index):
      try unsafe ChunkCopy(self, index, range: range).run(into: buffer)
    case .unallocated(let fill):
      for (place, byte) in zip(buffer.indices, range) { unsafe buffer[place] = fill[byte % fill.count] }
    case .empty, .refused: preconditionFailure("a reader is not made for storage without bytes")
    }
  }

  /// Reads the whole dataset.
  ///
  /// - Throws: as ``read(_:into:)``.
  public func read() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: description.byteCount)
    // Safe because the buffer lives for the call and has the size of the range.
    try unsafe bytes.withUnsafeMutableBytes { try unsafe read(0..<description.byteCount, into: $0) }
    return bytes
  }

  var swapWidth: Int { description.elementType.swapWidth }

  private func readContiguous(
    _ range: Range<Int>, from offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    let width = description.isBigEndian ? swapWidth : 1
    var position = range.lowerBound
    while position < range.upperBound {
      let start = position - range.lowerBound
      let whole = (range.upperBound - position) / width * width
      if position % width == 0, whole > 0 {
        // Safe because the part starts inside of the buffer and ends at most where it does.
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + whole])
        try unsafe source.read(at: offset + UInt64(position), into: part)
        unsafe reverse(part, width: width)
        position += whole
      } else {
        // A word of which only a part is wanted.
        let first = position / width * width
        var word = [UInt8](repeating: 0, count: width)
        // Safe because the word lives for the call.
        try unsafe word.withUnsafeMutableBytes { try unsafe source.read(at: offset + UInt64(first), into: $0) }
        word.reverse()
        let end = min(first + width, range.upperBound)
        for byte in position..<end { unsafe buffer[byte - range.lowerBound] = word[byte - first] }
        position = end
      }
    }
  }

  private func reverse(_ buffer: UnsafeMutableRawBufferPointer, width: Int) {
    guard width > 1 else { return }
    for start in stride(from: 0, to: buffer.count, by: width) {
      for offset in 0..<width / 2 {
        // Safe because the buffer has a whole number of words.
        unsafe buffer.swapAt(start + offset, start + width - 1 - offset)
      }
    }
  }
}
