internal import TensorFerryTensors

extension ZipHeader {
  /// Compares the entry with the header before the data and with the descriptor behind it.
  ///
  /// - Parameter end: where the next member, or the central directory, begins.
  func member(endingAt end: UInt64, in source: ZipSource) throws -> ZipMember {
    let dataOffset = try checkLocalHeader(endingAt: end, in: source)
    guard compressedByteCount <= end - dataOffset else {
      throw source.malformed(
        "\(compressedByteCount) bytes from byte \(dataOffset) on overlap what begins at byte \(end)", .member(name))
    }
    let dataEnd = dataOffset + compressedByteCount
    if hasDescriptor {
      try checkDescriptor(from: dataEnd, to: end, in: source)
    } else if dataEnd != end {
      throw source.malformed("\(end - dataEnd) bytes behind the member belong to none", .member(name))
    }
    return ZipMember(
      name: name, isStored: method == 0, dataOffset: dataOffset, compressedByteCount: compressedByteCount,
      byteCount: byteCount, crc32: crc32)
  }

  /// - Returns: the offset of the data.
  private func checkLocalHeader(endingAt end: UInt64, in source: ZipSource) throws -> UInt64 {
    func malformed(_ reason: String) -> WeightFileError { source.malformed(reason, .member(name)) }
    func disagreement(_ what: String, _ local: some CustomStringConvertible, _ central: some CustomStringConvertible)
      -> WeightFileError
    { malformed("\(what) is \(local) before the data and \(central) in the central directory") }

    // Most extra fields fit into what is read at first.
    let room = headerOffset <= end ? end - headerOffset : 0
    let nameBytes = Array(name.utf8)
    let fixed = 30 + nameBytes.count
    guard room >= UInt64(fixed) else {
      throw malformed("the header at byte \(headerOffset) overlaps what begins at byte \(end)")
    }
    let start = try source.file.read(at: headerOffset, count: Int(min(room, UInt64(fixed + 128))))
    var cursor = ByteCursor(start, base: headerOffset, format: source.format)
    guard try cursor.integer(UInt32.self) == 0x0403_4B50 else {
      throw malformed("no member begins at byte \(headerOffset)")
    }
    _ = try cursor.take(2)
    let localFlags = try cursor.integer(UInt16.self)
    let localMethod = try cursor.integer(UInt16.self)
    _ = try cursor.take(4)
    let localCRC = try cursor.integer(UInt32.self)
    let sizes = [try cursor.integer(UInt32.self), try cursor.integer(UInt32.self)]
    let nameCount = try cursor.integer(UInt16.self)
    let extraCount = Int(try cursor.integer(UInt16.self))
    guard localFlags == flags else { throw disagreement("the word of flags", localFlags, flags) }
    guard localMethod == method else { throw disagreement("the compression method", localMethod, method) }
    guard Int(nameCount) == nameBytes.count, try cursor.take(nameBytes.count).elementsEqual(nameBytes) else {
      throw malformed("the name before the data differs from that in the central directory")
    }
    guard room >= UInt64(fixed + extraCount) else {
      throw malformed("the extra fields of \(extraCount) bytes overlap what begins at byte \(end)")
    }
    let extraBytes =
      extraCount <= cursor.remaining
      ? try cursor.take(extraCount) : try source.file.read(at: headerOffset + UInt64(fixed), count: extraCount)[...]
    let extra = try ZipExtraFields(extraBytes, of: name, in: source)
    guard extra.unicodeName == nil || extra.unicodeName == nameBytes else {
      throw malformed("an extra field gives the member another name")
    }

    // With a descriptor the numbers may be 0 here, because the writer did not know them yet.
    guard localCRC == crc32 || (hasDescriptor && localCRC == 0) else {
      throw disagreement("the CRC-32", localCRC, crc32)
    }
    var wide = extra.wide[...]
    for (size, expected) in [(sizes[1], byteCount), (sizes[0], compressedByteCount)] {
      let local = size == .max && !wide.isEmpty ? wide.removeFirst() : UInt64(size)
      guard local == expected || (hasDescriptor && local == 0) else { throw disagreement("a size", local, expected) }
    }
    // PyTorch repeats numbers here that the header says in 32 bits.
    for value in wide where ![byteCount, compressedByteCount, headerOffset].contains(value) {
      throw malformed("the 64-bit extra field before the data says \(value), which the central directory does not")
    }
    return headerOffset + UInt64(fixed + extraCount)
  }

  /// The checksum and the sizes behind the data: with or without a signature, with sizes of 32 or 64 bits.
  private func checkDescriptor(from start: UInt64, to end: UInt64, in source: ZipSource) throws {
    let place = Place.member(name)
    let count = end - start
    guard [12, 16, 20, 24].contains(count) else {
      throw source.malformed("\(count) bytes follow the data, a descriptor takes 12, 16, 20 or 24", place)
    }
    var cursor = try source.cursor(at: start, count: Int(count))
    if count % 8 == 0, try cursor.integer(UInt32.self) != 0x0807_4B50 {
      throw source.malformed("the descriptor behind the data has no signature", place)
    }
    let crc = try cursor.integer(UInt32.self)
    let sizes =
      count >= 20
      ? [try cursor.integer(UInt64.self), try cursor.integer(UInt64.self)]
      : [UInt64(try cursor.integer(UInt32.self)), UInt64(try cursor.integer(UInt32.self))]
    guard crc == crc32, sizes == [compressedByteCount, byteCount] else {
      throw source.malformed(
        "the descriptor behind the data says \(sizes[0]) and \(sizes[1]) bytes, CRC-32 \(crc); the central directory "
          + "\(compressedByteCount) and \(byteCount), \(crc32)", place)
    }
  }
}
