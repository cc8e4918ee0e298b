package import TensorFerryTensors
internal import TensorFerryThreads
internal import TensorFerryZlib

extension ZipArchive {
  /// The whole member, inflated to exactly its declared size, its CRC-32 checked.
  ///
  /// - Parameter limit: the most bytes that the caller expects; more are refused before memory is taken.
  package func read(_ member: ZipMember, limit: Int) throws -> [UInt8] {
    guard member.byteCount <= UInt64(limit) else {
      throw source.malformed("the member has \(member.byteCount) bytes, the limit is \(limit)", .member(member.name))
    }
    let bytes = try prefix(of: member, count: Int(member.byteCount))
    if member.isStored {
      var checksum = CRC32()
      checksum.update(bytes)
      try source.check(checksum, of: member)
    }
    return bytes
  }

  /// The first `count` bytes of a member, or all of it if it has fewer; a part is not checked against the CRC-32.
  package func prefix(of member: ZipMember, count: Int) throws -> [UInt8] {
    let count = Int(min(UInt64(count), member.byteCount))
    guard !member.isStored else { return try source.file.read(at: member.dataOffset, count: count) }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let output = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
      try ZipInflater(member, in: source).read(into: output)
      initialized = count
    }
  }

  /// Reads the whole member once, through a small buffer, and compares its size and its CRC-32.
  package func verify(_ member: ZipMember) throws {
    guard member.isStored else {
      let inflater = ZipInflater(member, in: source)
      guard member.byteCount > 0 else {
        return try inflater.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
      }
      return try inflater.skip(to: member.byteCount)
    }
    guard member.hasChecksum else { return }
    var checksum = CRC32()
    try bytes(of: member).forEachPiece(upTo: 1 << 20) { checksum.update($1) }
    try source.check(checksum, of: member)
  }

  /// Where the bytes of a member are from byte `offset` of the member on: a range of the file if it is stored, a reader
  /// that inflates if it is deflated.
  package func content(of member: ZipMember, from offset: UInt64 = 0) -> LazyTensor.Content {
    member.isStored
      ? .file(source.file, offset: member.dataOffset + offset)
      : .reader(ZipInflatedRange(member, in: source, from: offset))
  }

  /// A tensor whose bytes, as a tensor has them, stand in a member from byte `offset` on.
  ///
  /// If they reach to the end of the member, its CRC-32 is checked whenever they are read in order.
  package func tensor(_ dtype: DType, _ shape: Shape, of member: ZipMember, from offset: Int = 0) throws -> LazyTensor {
    let content = content(of: member, from: UInt64(offset))
    let end = try dtype.byteCount(of: shape.elementCount).addingReportingOverflow(offset)
    guard !end.overflow, end.partialValue <= member.byteCount else {
      throw source.malformed(
        "\(dtype.rawValue) \(shape) needs more than the \(member.byteCount) bytes of the member", .member(member.name))
    }
    // A deflated member is checked by what inflates it.
    guard member.isStored, member.hasChecksum, end.partialValue == member.byteCount else {
      return try LazyTensor(dtype: dtype, shape: shape, content: content)
    }
    let checksum = ZipChecksum(of: member, in: source, after: try prefix(of: member, count: offset))
    return try LazyTensor(dtype: dtype, shape: shape, content: content, checksum: checksum)
  }

  /// The bytes of a member from byte `offset` on as a tensor of bytes.
  package func bytes(of member: ZipMember, from offset: Int = 0) throws -> LazyTensor {
    guard let count = Int(exactly: member.byteCount), offset <= count else {
      throw source.malformed(
        "the bytes from \(offset) on are needed, the member has \(member.byteCount)", .member(member.name))
    }
    return try tensor(.u8, Shape([count - offset]), of: member, from: offset)
  }
}

/// The CRC-32 of a stored member, of whose bytes a tensor has all but the first few.
private final class ZipChecksum: ContentChecksum {
  private let member: ZipMember
  private let source: ZipSource
  private let start: CRC32
  private let byteCount: UInt64
  private let progress: Locked<(position: Int, checksum: CRC32)>

  /// - Parameter header: the bytes of the member before those of the tensor.
  init(of member: ZipMember, in source: ZipSource, after header: [UInt8]) {
    self.member = member
    self.source = source
    var start = CRC32()
    start.update(header)
    self.start = start
    byteCount = member.byteCount - UInt64(header.count)
    progress = Locked((0, start))
  }

  func observe(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try progress.withLock { progress in
      if offset == 0 { progress = (0, start) }
      // Whoever jumps about has to do without.
      guard offset == progress.position else { return }
      progress.checksum.update(bytes)
      progress.position += bytes.count
      if UInt64(progress.position) == byteCount { try source.check(progress.checksum, of: member) }
    }
  }
}

/// Ranges of a deflated member.
///
/// Consecutive ranges are inflated once; an earlier range begins again at the front. Memory: one small buffer while a
/// member is being read, nothing before and after.
private final class ZipInflatedRange: RangeReader {
  private let member: ZipMember
  private let source: ZipSource
  private let offset: UInt64
  private let inflater = Locked<ZipInflater?>(nil)

  init(_ member: ZipMember, in source: ZipSource, from offset: UInt64) {
    self.member = member
    self.source = source
    self.offset = offset
  }

  var sourceFiles: [SourceFile] { [source.file] }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let start = offset + UInt64(range.lowerBound)
    guard start <= member.byteCount, UInt64(buffer.count) <= member.byteCount - start else {
      throw source.malformed(
        "\(buffer.count) bytes from byte \(start) on are needed, the member has \(member.byteCount)",
        .member(member.name))
    }
    try inflater.withLock { kept in
      let current = kept.flatMap { $0.position <= start ? $0 : nil } ?? ZipInflater(member, in: source)
      kept = nil
      try current.skip(to: start)
      try current.read(into: buffer)
      if current.position < member.byteCount { kept = current }
    }
  }
}
