package import TensorFerryTensors
internal import TensorFerryThreads
internal import TensorFerryZlib

/// Writes an archive of stored members from front to back.
///
/// The same members give the same bytes: every date is 1980-01-01. Numbers of 64 bits appear only where 32 do not
/// suffice. The checksum of a member is patched into its header once its bytes are written; that of a large tensor is
/// computed by a second thread, while the bytes are copied.
package final class ZipWriter {
  private let output: OutputFile
  /// The largest number that is written with 32 bits.
  private let largest: UInt64
  private var entries: [Entry] = []

  /// The checksum that a second thread is computing, and whose it is.
  private var unfinished: (entry: Int, checksum: BackgroundTask<CRC32>)?

  private struct Entry {
    let name: [UInt8]
    let offset: UInt64
    let byteCount: UInt64
    var crc32: UInt32 = 0
  }

  /// The extra field that PyTorch's reader skips to reach an aligned payload.
  private static let padding: UInt16 = 0x4246
  private static let wide: UInt16 = 0x0001
  /// The first of January 1980, as MS-DOS counts.
  private static let date: UInt16 = 1 << 5 | 1

  /// - Parameter largest: the largest number that is written with 32 bits; tests lower it.
  package init(_ output: OutputFile, largest: UInt64 = UInt64(UInt32.max) - 1) {
    precondition(output.position == 0)
    self.output = output
    self.largest = largest
  }

  /// Adds a member whose bytes `body` writes, exactly `byteCount` of them.
  ///
  /// - Parameters:
  ///   - alignment: the offset of the first byte is a multiple of it, but for
  ///   - residue: the rest that is left.
  /// - Precondition: `ZipMember.problem(ofName:)` finds none, and the name is new.
  package func add(
    _ name: String, byteCount: UInt64, alignment: UInt64 = 1, residue: UInt64 = 0,
    body: (inout ZipWriterBody) throws -> Void
  ) throws {
    precondition(ZipMember.problem(ofName: name) == nil, "no name for a member")
    precondition(alignment > 0 && alignment <= 1 << 15, "the extra field that aligns a member has 16 bits of size")
    precondition(residue < alignment)
    let entry = Entry(name: Array(name.utf8), offset: output.position, byteCount: byteCount)
    // Copies the member before, whose checksum is being computed meanwhile.
    try output.write(header(of: entry, alignment: alignment, residue: residue))
    try finishChecksum()
    var writing = ZipWriterBody(output: output, byteCount: byteCount)
    try body(&writing)
    precondition(writing.missing == 0, "\(writing.missing) of \(byteCount) bytes were not written")
    entries.append(entry)
    if let task = writing.task {
      unfinished = (entries.count - 1, task)
    } else {
      try set(writing.checksum, of: entries.count - 1)
    }
  }

  package var memberCount: Int { entries.count }

  /// The CRC-32 of each member so far, in order.
  ///
  /// Waits for the one that is being computed.
  package func checksums() throws -> [UInt32] {
    try finishChecksum()
    return entries.map(\.crc32)
  }

  private func finishChecksum() throws {
    guard let (entry, task) = unfinished else { return }
    unfinished = nil
    // Copied now, if it was not yet, so that both go on at the same time.
    try output.settle()
    try set(try task.value(), of: entry)
  }

  private func set(_ checksum: CRC32, of index: Int) throws {
    entries[index].crc32 = checksum.value
    try output.overwrite(at: entries[index].offset + 14, bytes(checksum.value))
  }

  /// Adds a member that is in memory.
  package func add(_ name: String, _ content: [UInt8], alignment: UInt64 = 1) throws {
    try add(name, byteCount: UInt64(content.count), alignment: alignment) { try $0.write(content) }
  }

  /// Writes the central directory and the end records. The output is not closed.
  ///
  /// - Precondition: the comment has at most 65,535 bytes and holds no signature of an end record.
  package func finish(comment: String = "") throws {
    try finishChecksum()
    let start = output.position
    for entry in entries {
      let wideFields = [entry.byteCount, entry.byteCount, entry.offset].filter { $0 > largest }
      let extra =
        wideFields.isEmpty ? [] : bytes(Self.wide) + bytes(UInt16(8 * wideFields.count)) + wideFields.flatMap(bytes)
      // Made by MS-DOS, so that no permissions are implied.
      try output.write(bytes(UInt32(0x0201_4B50)) + bytes(UInt16(45)) + fields(of: entry, needing: !extra.isEmpty))
      try output.write(bytes(UInt16(entry.name.count)) + bytes(UInt16(extra.count)))
      // Comment, disk and attributes are empty.
      try output.write([UInt8](repeating: 0, count: 10) + bytes(narrow(entry.offset)) + entry.name + extra)
    }
    let size = output.position - start
    let count = UInt64(entries.count)
    if size > largest || start > largest || count > min(largest, UInt64(UInt16.max) - 1) {
      let record = output.position
      try output.write(bytes(UInt32(0x0606_4B50)) + bytes(UInt64(44)) + bytes(UInt16(45)) + bytes(UInt16(45)))
      try output.write(bytes(UInt64(0)) + [count, count, size, start].flatMap(bytes))
      try output.write(bytes(UInt32(0x0706_4B50)) + bytes(UInt32(0)) + bytes(record) + bytes(UInt32(1)))
    }
    let shortCount = count > min(largest, UInt64(UInt16.max) - 1) ? UInt16.max : UInt16(count)
    try output.write(bytes(UInt32(0x0605_4B50)) + bytes(UInt32(0)) + bytes(shortCount) + bytes(shortCount))
    try output.write(bytes(narrow(size)) + bytes(narrow(start)))
    try output.write(bytes(UInt16(comment.utf8.count)) + comment.utf8)
  }

  private func header(of entry: Entry, alignment: UInt64, residue: UInt64) -> [UInt8] {
    var extra: [UInt8] = []
    if entry.byteCount > largest {
      extra += bytes(Self.wide) + bytes(UInt16(16)) + bytes(entry.byteCount) + bytes(entry.byteCount)
    }
    let end = entry.offset + 30 + UInt64(entry.name.count + extra.count)
    if end % alignment != residue {
      let padding = (alignment + residue - (end + 4) % alignment) % alignment
      extra += bytes(Self.padding) + bytes(UInt16(padding)) + [UInt8](repeating: 0, count: Int(padding))
    }
    return bytes(UInt32(0x0403_4B50)) + fields(of: entry, needing: entry.byteCount > largest)
      + bytes(UInt16(entry.name.count)) + bytes(UInt16(extra.count)) + entry.name + extra
  }

  /// What both headers share: the version that is needed, flags, method, time, date, checksum, sizes.
  private func fields(of entry: Entry, needing wide: Bool) -> [UInt8] {
    bytes(UInt16(wide ? 45 : 20)) + bytes(ZipHeader.utf8Flag) + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(Self.date)
      + bytes(entry.crc32) + bytes(narrow(entry.byteCount)) + bytes(narrow(entry.byteCount))
  }

  private func narrow(_ value: UInt64) -> UInt32 { value > largest ? .max : UInt32(value) }

  private func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
}

/// Takes the bytes of one member.
package struct ZipWriterBody: ~Copyable {
  private let output: OutputFile
  /// The bytes that are still to be written.
  fileprivate private(set) var missing: UInt64
  fileprivate private(set) var checksum = CRC32()
  /// Computes the checksum of everything, if the bytes end with a tensor that lies in a file.
  fileprivate private(set) var task: BackgroundTask<CRC32>?

  fileprivate init(output: OutputFile, byteCount: UInt64) {
    self.output = output
    missing = byteCount
  }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(task == nil, "nothing follows a large tensor")
    precondition(UInt64(bytes.count) <= missing, "more bytes than were announced")
    missing -= UInt64(bytes.count)
    checksum.update(bytes)
    try output.write(bytes)
  }

  package mutating func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Writes a tensor, a large one as the last of the member; memory is two pieces.
  package mutating func write(_ tensor: LazyTensor) throws {
    guard tensor.fileOffset != nil, UInt64(tensor.byteCount) == missing, missing >= Self.copiedByteCount else {
      return try tensor.forEachPiece { try write($1) }
    }
    missing = 0
    try output.write(tensor)
    task = BackgroundTask { [checksum, tensor = tensor.unobserved] in
      var checksum = checksum
      try tensor.forEachPiece(upTo: Self.pieceByteCount) { checksum.update($1) }
      return checksum
    }
  }

  /// Smaller tensors are read, summed and written by one thread in less time than two need to meet.
  private static let copiedByteCount: UInt64 = 1 << 19
  private static let pieceByteCount = 1 << 19
}
