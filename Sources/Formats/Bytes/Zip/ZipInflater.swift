internal import TensorFerryTensors
internal import TensorFerryZlib

/// Inflates one member from front to back and checks its size and its CRC-32 at the end.
///
/// Memory: one buffer of stored bytes and zlib's state, whatever the size of the member.
final class ZipInflater {
  private let member: ZipMember
  private let source: ZipSource
  private let stream = InflateStream(container: .raw)
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  private var unused: Range<Int> = 0..<0
  private var fetched: UInt64 = 0
  private var checksum = CRC32()
  /// The number of bytes that were inflated.
  private(set) var position: UInt64 = 0

  init(_ member: ZipMember, in source: ZipSource) {
    self.member = member
    self.source = source
  }

  deinit { input.deallocate() }

  /// Inflates the next bytes into `output`, all of it; with the last byte of the member, its end is checked.
  ///
  /// - Precondition: the member is said to have that many bytes more.
  func read(into output: UnsafeMutableRawBufferPointer) throws {
    precondition(UInt64(output.count) <= member.byteCount - position)
    var done = 0
    while done < output.count {
      let produced = try step(UnsafeMutableRawBufferPointer(rebasing: output[done...]))
      guard produced > 0 || !stream.isAtEnd else {
        throw malformed("it inflates to \(position) bytes, \(member.byteCount) are declared")
      }
      done += produced
    }
    if position == member.byteCount { try finish() }
  }

  /// Inflates and drops bytes up to `offset`.
  func skip(to offset: UInt64) throws {
    guard offset > position else { return }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { scratch.deallocate() }
    while position < offset {
      let count = min(UInt64(scratch.count), offset - position)
      try read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<Int(count)]))
    }
  }

  private func finish() throws {
    // Room for one byte too many tells a stream that is too long from one that fits.
    var surplus: UInt8 = 0
    while !stream.isAtEnd {
      let produced = try withUnsafeMutableBytes(of: &surplus) { try step($0) }
      guard produced == 0 else { throw malformed("it inflates to more than the \(member.byteCount) bytes declared") }
    }
    let left = member.compressedByteCount - fetched + UInt64(unused.count)
    guard left == 0 else { throw malformed("\(left) bytes follow the end of its deflate stream") }
    try source.check(checksum, of: member)
  }

  private func step(_ output: UnsafeMutableRawBufferPointer) throws -> Int {
    if unused.isEmpty {
      let count = Int(min(UInt64(input.count), member.compressedByteCount - fetched))
      guard count > 0 || stream.isAtEnd else {
        throw malformed("its deflate stream ends after \(position) of \(member.byteCount) bytes")
      }
      try source.file.read(
        at: member.dataOffset + fetched, into: UnsafeMutableRawBufferPointer(rebasing: input[..<count]))
      fetched += UInt64(count)
      unused = 0..<count
    }
    guard !stream.isAtEnd else { return 0 }
    do {
      let (consumed, produced) = try stream.inflate(UnsafeRawBufferPointer(rebasing: input[unused]), into: output)
      unused = (unused.lowerBound + consumed)..<unused.upperBound
      position += UInt64(produced)
      checksum.update(UnsafeRawBufferPointer(rebasing: output[..<produced]))
      return produced
    } catch {
      throw malformed("its deflate stream is damaged after \(position) bytes: \(error.reason)")
    }
  }

  private func malformed(_ reason: String) -> WeightFileError { source.malformed(reason, .member(member.name)) }
}

extension ZipSource {
  /// - Throws: ``WeightFileError`` with code `.malformed` if the member has a checksum, and it is another one.
  func check(_ checksum: CRC32, of member: ZipMember) throws {
    guard checksum.value == member.crc32 || !member.hasChecksum else {
      throw malformed(
        "its bytes have the CRC-32 \(checksum.value), \(member.crc32) is declared: the file is damaged",
        .member(member.name))
    }
  }
}
