package import TensorFerryTensors

/// A zip archive's members, from the central directory, each checked against its local header.
///
/// Nothing that two programs could read differently is accepted: every byte of the file belongs to exactly one member,
/// to the directory or to its end record, and what is said twice is said alike.
package struct ZipArchive: Sendable {
  /// In the order of the central directory.
  package let members: [ZipMember]
  /// What the archive says about itself.
  package let comment: [UInt8]
  private let indices: [String: Int]
  let source: ZipSource

  /// - Throws: ``WeightFileError`` with code `.malformed`, `.unsupported` (encryption, other compression, several
  ///   disks) or `.refused` (names that lead out of a folder).
  /// - Complexity: O(number of members); the members themselves are not read.
  package init(_ file: SourceFile, format: String, limits: ZipLimits = .default) throws {
    let source = ZipSource(file: file, format: format)
    self.source = source
    do {
      let end = try ZipEndRecord(source)
      comment = end.comment
      members = try Self.members(in: end, of: source, limits: limits)
    } catch var error as WeightFileError {
      error.file = file.path
      throw error
    }
    var indices = [String: Int](minimumCapacity: members.count)
    for (index, member) in members.enumerated() {
      // Swift's strings are equal if they look the same, however their accents are composed.
      guard indices.updateValue(index, forKey: member.name) == nil else {
        throw source.malformed("two members have the same name", .member(member.name))
      }
    }
    self.indices = indices
  }

  /// The member of that name, or nil. O(1).
  package subscript(name: String) -> ZipMember? { indices[name].map { members[$0] } }

  /// The name of the member at the very start of a file, or nil if the file is no zip archive: enough to tell the
  /// formats that are zip archives from each other, without reading the directory.
  package static func firstName(in file: SourceFile) throws -> String? {
    guard file.byteCount >= 30 else { return nil }
    let start = try file.read(at: 0, count: 30)
    let nameCount = Int(start[26]) | Int(start[27]) << 8
    guard start.starts(with: [0x50, 0x4B, 3, 4]), UInt64(nameCount) <= file.byteCount - 30 else { return nil }
    return String(validating: try file.read(at: 30, count: nameCount), as: UTF8.self)
  }

  private static func members(in end: ZipEndRecord, of source: ZipSource, limits: ZipLimits) throws -> [ZipMember] {
    let headers = try headers(in: end, of: source, limits: limits)
    // In the file's order, each member ends where the next one begins, and the last one at the directory.
    let order = headers.indices.sorted { headers[$0].headerOffset < headers[$1].headerOffset }
    let first = order.first.map { headers[$0].headerOffset } ?? end.directoryOffset
    guard first == 0 else { throw source.malformed("\(first) bytes before the first member belong to none", .byte(0)) }
    var members: [ZipMember?] = Array(repeating: nil, count: headers.count)
    for (position, index) in order.enumerated() {
      let next = position + 1 < order.count ? headers[order[position + 1]].headerOffset : end.directoryOffset
      members[index] = try headers[index].member(endingAt: next, in: source)
    }
    return members.compactMap { $0 }
  }

  private static func headers(in end: ZipEndRecord, of source: ZipSource, limits: ZipLimits) throws -> [ZipHeader] {
    let place = Place.byte(end.directoryOffset)
    guard end.directoryByteCount <= limits.directoryByteCount else {
      throw source.malformed(
        "the central directory has \(end.directoryByteCount) bytes, the limit is \(limits.directoryByteCount)", place)
    }
    let most = min(limits.memberCount, end.directoryByteCount / UInt64(ZipHeader.size))
    guard end.memberCount <= most else {
      throw source.malformed("the archive is said to have \(end.memberCount) members, at most \(most) fit", place)
    }
    var cursor = try source.cursor(at: end.directoryOffset, count: Int(end.directoryByteCount))
    var headers: [ZipHeader] = []
    headers.reserveCapacity(Int(end.memberCount))
    for _ in 0..<end.memberCount { headers.append(try ZipHeader(&cursor, in: source, limits: limits)) }
    guard cursor.isAtEnd else {
      throw source.malformed(
        "\(cursor.remaining) bytes of the central directory follow its \(headers.count) members", .byte(cursor.offset))
    }
    return headers
  }
}
