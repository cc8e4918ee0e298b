#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// An open file whose metadata is read in blocks, the last of which stay in memory.
///
/// Memory: at most 128 blocks of 16 KiB, and the structures that are larger than a block while they are used.
final class MetadataFile {
  let path: String
  let byteCount: UInt64
  /// What tells it from other files of its device.
  let number: UInt64
  /// Where the signature stands, which is where addresses count from.
  let base: UInt64
  private let descriptor: Int32

  private static let blockSize = 16_384
  private static let blockCount = 128
  private var tags = [UInt64](repeating: .max, count: blockCount)
  private var blocks = [[UInt8]](repeating: [], count: blockCount)
  private var work: UInt64 = 0

  /// - Throws: ``HDF5Error`` with code `.unreadableFile` or `.notHDF5`.
  init(_ path: String) throws(HDF5Error) {
    let file = try FileSignature.open(path)
    self.path = path
    descriptor = file.descriptor
    byteCount = file.size
    number = file.number
    base = file.signature
  }

  deinit { close(descriptor) }

  /// The bytes of the file at an address, which counts from the base.
  ///
  /// - Throws: ``ParseError`` unless the file has them all, and if more is read than any honest file asks for;
  ///   ``HDF5Error`` if the system does not read.
  func bytes(at address: UInt64, count: Int, sizes: FieldSizes) throws -> ByteReader {
    let (offset, overflow) = base.addingReportingOverflow(address)
    guard !overflow, offset <= byteCount, count >= 0, UInt64(count) <= byteCount - offset else {
      throw ParseError("\(count) bytes are needed at byte \(overflow ? address : offset), the file has \(byteCount)")
    }
    guard count <= ParserLimits.structureBytes else {
      throw ParseError.limit("bytes in one structure at byte \(offset)", count, ParserLimits.structureBytes)
    }
    work += UInt64(count)
    let limit = ParserLimits.workBytes(fileSize: byteCount)
    guard work <= limit else { throw ParseError.limit("bytes of metadata were looked at", work, limit) }

    let index = offset / UInt64(Self.blockSize)
    let start = Int(offset % UInt64(Self.blockSize))
    if start + count <= Self.blockSize {
      return ByteReader(
        try block(index), start..<start + count, origin: index * UInt64(Self.blockSize), sizes: sizes)
    }
    if count <= Self.blockSize {
      let joined = try Array(block(index)[start...]) + block(index + 1).prefix(count - (Self.blockSize - start))
      return ByteReader(joined, 0..<count, origin: offset, sizes: sizes)
    }
    return ByteReader(try read(at: offset, count: count), 0..<count, origin: offset, sizes: sizes)
  }

  private func block(_ index: UInt64) throws -> [UInt8] {
    let slot = Int(index % UInt64(Self.blockCount))
    if tags[slot] == index { return blocks[slot] }
    let offset = index * UInt64(Self.blockSize)
    let block = try read(at: offset, count: Int(min(UInt64(Self.blockSize), byteCount - offset)))
    tags[slot] = index
    blocks[slot] = block
    return block
  }

  private func read(at offset: UInt64, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // Safe because the part of the buffer behind what is read is as large as the system is told.
      let result = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw FileSignature.systemError("cannot read", path) }
      guard result > 0 else {
        throw HDF5Error(
          .unreadableFile, "it became shorter while it was read: there is nothing at byte \(offset + UInt64(done))",
          path: path)
      }
      done += result
    }
    return bytes
  }
}
