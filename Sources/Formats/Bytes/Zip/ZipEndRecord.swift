internal import TensorFerryTensors

/// Where the central directory lies, as the records at the end of the file say.
struct ZipEndRecord {
  private(set) var directoryOffset: UInt64
  private(set) var directoryByteCount: UInt64
  private(set) var memberCount: UInt64
  /// What the archive says about itself.
  let comment: [UInt8]

  private static let signature: [UInt8] = [0x50, 0x4B, 5, 6]
  private static let size = 22
  private static let locatorSize = 20
  private static let size64 = 56

  init(_ source: ZipSource) throws {
    let (start, bytes, comment) = try Self.find(in: source)
    self.comment = comment
    var cursor = ByteCursor(bytes, base: start, format: source.format)
    _ = try cursor.take(4)
    let disks = [try cursor.integer(UInt16.self), try cursor.integer(UInt16.self)]
    let counts = [try cursor.integer(UInt16.self), try cursor.integer(UInt16.self)]
    directoryByteCount = UInt64(try cursor.integer(UInt32.self))
    directoryOffset = UInt64(try cursor.integer(UInt32.self))
    memberCount = UInt64(counts[1])
    let end = try upgrade(source, endRecord: start) ?? start
    guard counts[0] == counts[1], disks.allSatisfy({ $0 == 0 || (end != start && $0 == .max) }) else {
      throw source.error(.unsupported, "the archive is spread over several disks", .byte(start))
    }
    let (sum, overflow) = directoryOffset.addingReportingOverflow(directoryByteCount)
    guard !overflow, sum == end else {
      throw source.malformed(
        "the central directory is said to take \(directoryByteCount) bytes from byte \(directoryOffset) on, "
          + "its end record is at byte \(end)", .byte(start))
    }
  }

  /// Finds the one record that ends where the file ends.
  private static func find(in source: ZipSource) throws -> (offset: UInt64, bytes: [UInt8], comment: [UInt8]) {
    let fileSize = source.file.byteCount
    guard fileSize >= UInt64(size) else {
      throw source.malformed("the file has \(fileSize) bytes, the shortest archive takes \(size)", .byte(0))
    }
    let count = Int(min(fileSize, UInt64(size + Int(UInt16.max))))
    let tail = try source.file.read(at: fileSize - UInt64(count), count: count)
    let base = fileSize - UInt64(count)
    var found: Int?
    for start in stride(from: count - size, through: 0, by: -1)
    where tail[start] == signature[0] && tail[start..<start + 4].elementsEqual(signature) {
      let comment = Int(tail[start + 20]) | Int(tail[start + 21]) << 8
      let reachesEnd = start + size + comment == count
      if let found, reachesEnd {
        throw source.malformed(
          "two end records reach the end of the file, the other is at byte \(base + UInt64(found))",
          .byte(base + UInt64(start)))
      }
      // Programs take the last record without looking at the length of its comment.
      guard found != nil || reachesEnd else {
        throw source.malformed(
          "the last end record has a comment of \(comment) bytes, \(count - start - size) follow it",
          .byte(base + UInt64(start)))
      }
      if found == nil { found = start }
    }
    guard let found else {
      throw source.malformed("the archive has no end record: it is cut off, or not a zip archive", .byte(fileSize))
    }
    let comment = tail[(found + size)...]
    guard !comment.indices.contains(where: { comment[$0...].starts(with: signature) }) else {
      throw source.malformed("the comment holds another end record", .byte(base + UInt64(found)))
    }
    return (base + UInt64(found), Array(tail[found..<found + size]), Array(comment))
  }

  /// Takes the 64-bit numbers if the archive has them.
  ///
  /// - Returns: the offset of the 64-bit record, or nil if there is none.
  private mutating func upgrade(_ source: ZipSource, endRecord: UInt64) throws -> UInt64? {
    let needed = directoryOffset == UInt32.max || directoryByteCount == UInt32.max
    guard endRecord >= UInt64(Self.locatorSize) else { return nil }
    let locatorOffset = endRecord - UInt64(Self.locatorSize)
    var locator = try source.cursor(at: locatorOffset, count: Self.locatorSize)
    guard try locator.integer(UInt32.self) == 0x0706_4B50 else {
      if needed {
        throw source.malformed("the end record refers to 64-bit numbers, their locator is missing", .byte(endRecord))
      }
      return nil
    }
    let disk = try locator.integer(UInt32.self)
    let offset = try locator.integer(UInt64.self)
    let diskCount = try locator.integer(UInt32.self)
    guard disk == 0, diskCount <= 1 else {
      throw source.error(.unsupported, "the archive is spread over \(diskCount) disks", .byte(locatorOffset))
    }
    guard locatorOffset >= UInt64(Self.size64), offset == locatorOffset - UInt64(Self.size64) else {
      throw source.malformed(
        "the 64-bit end record is said to be at byte \(offset), it must end at byte \(locatorOffset)",
        .byte(locatorOffset))
    }
    var record = try source.cursor(at: offset, count: Self.size64)
    let isRecord = try record.integer(UInt32.self) == 0x0606_4B50
    guard isRecord, try record.integer(UInt64.self) == UInt64(Self.size64 - 12) else {
      throw source.malformed("there is no 64-bit end record of \(Self.size64) bytes here", .byte(offset))
    }
    _ = try record.take(4)
    let disks = [try record.integer(UInt32.self), try record.integer(UInt32.self)]
    let counts = [try record.integer(UInt64.self), try record.integer(UInt64.self)]
    let byteCount = try record.integer(UInt64.self)
    let start = try record.integer(UInt64.self)
    guard disks == [0, 0], counts[0] == counts[1] else {
      throw source.error(.unsupported, "the archive is spread over several disks", .byte(offset))
    }
    for (short, long, limit) in [
      (memberCount, counts[1], UInt64(UInt16.max)), (directoryByteCount, byteCount, UInt64(UInt32.max)),
      (directoryOffset, start, UInt64(UInt32.max)),
    ] where short != long && short != limit {
      throw source.malformed("the end records disagree: \(short) in 32 bits, \(long) in 64 bits", .byte(offset))
    }
    (memberCount, directoryByteCount, directoryOffset) = (counts[1], byteCount, start)
    return offset
  }
}
