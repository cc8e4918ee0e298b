package import TensorFerryTensors
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

  /// The bytes of a member as a tensor of bytes.
  package func bytes(of member: ZipMember) throws -> LazyTensor {
    guard let count = Int(exactly: member.byteCount) else {
      throw source.malformed("the member has \(member.byteCount) bytes, the limit is 2^63 - 1", .member(member.name))
    }
    return try LazyTensor(dtype: .u8, shape: Shape([count]), content: content(of: member))
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
