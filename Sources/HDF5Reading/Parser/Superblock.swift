/// What the head of a file says: section II of the specification.
struct Superblock {
  var version = 0
  var sizes = FieldSizes()
  /// The address of the root group's object header.
  var root: UInt64 = 0
  /// The table of shared messages and the number of its indexes, if the file has one.
  var sharedMessages: (table: UInt64, count: Int)?
}

extension MetadataReader {
  func readSuperblock() throws -> Superblock {
    var start = try file.bytes(at: 0, count: 9, sizes: FieldSizes())
    try start.skip(8)
    let version = try start.expectVersion(0...3, "superblock")
    return version < 2 ? try readOldSuperblock(version) : try readNewSuperblock(version)
  }

  private func sizes(_ address: UInt8, _ length: UInt8) throws -> FieldSizes {
    let allowed: [UInt8] = [2, 4, 8]
    guard allowed.contains(address), allowed.contains(length) else {
      throw ParseError("addresses of \(address) bytes and lengths of \(length), 2, 4 and 8 are read")
    }
    return FieldSizes(address: Int(address), length: Int(length))
  }

  private func readOldSuperblock(_ version: UInt8) throws -> Superblock {
    var start = try file.bytes(at: 8, count: 16, sizes: FieldSizes())
    // Versions of the superblock, of free space, of the root's entry, one reserved, of shared headers.
    for part in ["", "free space", "root group", "", "shared header"] {
      let version = try start.u8()
      guard part.isEmpty || version == 0 else { throw ParseError("version \(version) of the \(part), 0 is read") }
    }
    let sizes = try sizes(start.u8(), start.u8())
    let extra = version == 1 ? 4 : 0
    let width = sizes.address
    var rest = try file.bytes(at: 24 + UInt64(extra), count: 4 * width + 2 * width + 8, sizes: sizes)
    let base = try rest.address()
    _ = try rest.address()
    try checkEnd(rest.address(), base: base)
    let driver = try rest.address()
    guard driver == nil else {
      throw ParseError("the file is one of several (it names a driver)", code: .unsupportedStorage)
    }
    _ = try rest.address()
    return Superblock(version: Int(version), sizes: sizes, root: try rest.address(of: "root group"))
  }

  private func readNewSuperblock(_ version: UInt8) throws -> Superblock {
    var start = try file.bytes(at: 9, count: 3, sizes: FieldSizes())
    let sizes = try sizes(start.u8(), start.u8())
    let flags = try start.u8()
    let count = 12 + 4 * sizes.address + 4
    var rest = try file.bytes(at: 0, count: count, sizes: sizes)
    try rest.verifyChecksum("superblock")
    guard version == 2 || flags == 0 else {
      throw ParseError("the program that wrote it has not closed it: its flags are \(flags), 0 is a closed file")
    }
    try rest.skip(12)
    let base = try rest.address()
    let more = try rest.address()
    try checkEnd(rest.address(), base: base)
    var superblock = Superblock(version: Int(version), sizes: sizes, root: try rest.address(of: "root group"))
    if let more { try readExtension(at: more, into: &superblock) }
    return superblock
  }

  /// Compares where the file should end with its size. A file that was put behind other bytes, or taken from behind them,
  /// ends as much further on as its superblock lies from its base address.
  private func checkEnd(_ end: UInt64?, base: UInt64?) throws {
    guard let end, let base else { throw ParseError("its superblock does not say where it begins and ends") }
    let (moved, overflow) = end.addingReportingOverflow(file.base)
    let (place, underflow) = moved.subtractingReportingOverflow(base)
    guard !overflow, !underflow else {
      throw ParseError("it should end at byte \(end), with its base address \(base) at byte \(file.base)")
    }
    guard place <= file.byteCount else {
      throw ParseError("it is truncated: it should have \(place) bytes, it has \(file.byteCount)")
    }
  }

  /// The object header with what had no place in the superblock.
  private func readExtension(at address: UInt64, into superblock: inout Superblock) throws {
    for message in try objectHeader(at: address, sizes: superblock.sizes).messages {
      var body = message.body
      switch message.type {
      case .sharedMessageTable:
        _ = try body.expectVersion(0...0, "table of shared messages")
        superblock.sharedMessages = (try body.address(of: "table of shared messages"), Int(try body.u8()))
      case .driver: throw ParseError("the file is one of several (it names a driver)", code: .unsupportedStorage)
      case .cacheImage:
        _ = try body.expectVersion(0...0, "cache image")
        _ = try body.u8()
        guard try body.address() == nil else {
          throw ParseError("its metadata is in an image of the cache, which is not read", code: .unsupportedStorage)
        }
      default: break
      }
    }
  }
}
