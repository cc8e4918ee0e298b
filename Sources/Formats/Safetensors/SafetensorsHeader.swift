internal import TensorFerryTensors

/// The header of one safetensors file, checked whole: every rule of the format holds for what this gives.
struct SafetensorsHeader {
  struct Entry {
    let name: String
    let dtype: DType
    let shape: Shape
    /// Where the bytes are in the data section.
    let data: Range<UInt64>
    /// Where the name stands in the file.
    let place: Place
  }

  private(set) var entries: [Entry] = []
  /// Texts only.
  private(set) var metadata: [JSONValue.Member] = []
  /// Where the data section begins in the file.
  let dataOffset: UInt64

  init(_ file: SourceFile) throws {
    let length = try Self.length(file)
    dataOffset = 8 + UInt64(length)
    var scanner = JSONScanner(try file.read(at: 8, count: length))
    do {
      try scan(&scanner)
      try scanner.end()
    } catch let error as TensorError {
      var place = error.place
      if case .byte(let offset) = place { place = .byte(offset + 8) }
      throw WeightFileError(
        .malformed, error.reason, format: SafetensorsFormat.name, tensor: error.tensor, place: place, underlying: error)
    }
    try checkLayout(file)
  }

  static func malformed(_ reason: String, tensor: String? = nil, _ place: Place?) -> WeightFileError {
    WeightFileError(.malformed, reason, format: SafetensorsFormat.name, tensor: tensor, place: place)
  }

  /// The size of the header, which fits in the file and in the limit.
  private static func length(_ file: SourceFile) throws -> Int {
    guard file.byteCount >= 8 else {
      throw malformed("the file has \(file.byteCount) bytes, the size of its header alone takes 8", .byte(0))
    }
    var cursor = ByteCursor(try file.read(at: 0, count: 8), format: SafetensorsFormat.name)
    let length: UInt64 = try cursor.integer()
    let limit = SafetensorsLimits.headerByteCount
    guard length >= 2, length <= UInt64(limit) else {
      throw malformed("the header has \(length) bytes, 2 to \(limit) are allowed", .byte(0))
    }
    guard length <= file.byteCount - 8 else {
      throw malformed("the header has \(length) bytes, the file has \(file.byteCount - 8) behind its size", .byte(0))
    }
    // The format wants '{' at once; the library takes space before it. What is no header is not worth reading whole.
    let start = try file.read(at: 8, count: Int(min(length, 64)))
    guard start.first(where: { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }) == UInt8(ascii: "{") else {
      throw malformed("the header does not begin with '{'", .byte(8))
    }
    return Int(length)
  }

  private mutating func scan(_ scanner: inout JSONScanner) throws {
    var names: Set<ExactText> = []
    var metadata: [JSONValue.Member]?
    var entries: [Entry] = []
    try scanner.object { scanner, name in
      let place = Place.byte(UInt64(scanner.start) + 8)
      if name == "__metadata__" {
        guard metadata == nil else { throw Self.malformed("'__metadata__' appears twice", place) }
        metadata = try Self.metadata(&scanner)
        return
      }
      guard name.utf8.count <= SafetensorsLimits.nameByteCount else {
        throw Self.malformed(
          "a name has \(name.utf8.count) bytes, the limit is \(SafetensorsLimits.nameByteCount)", place)
      }
      guard names.insert(ExactText(name)).inserted else {
        throw Self.malformed("the name appears twice", tensor: name, place)
      }
      guard entries.count < SafetensorsLimits.tensorCount else {
        throw Self.malformed("there are more than \(SafetensorsLimits.tensorCount) tensors", place)
      }
      entries.append(try Entry(name, &scanner, place))
    }
    self.entries = entries
    self.metadata = metadata ?? []
  }

  private static func metadata(_ scanner: inout JSONScanner) throws -> [JSONValue.Member] {
    if scanner.next == UInt8(ascii: "n") {
      try scanner.skipValue()
      return []
    }
    var members: [JSONValue.Member] = []
    var keys: Set<ExactText> = []
    var byteCount = 0
    try scanner.object { scanner, key in
      try scanner.insert(key, into: &keys)
      let text = try scanner.string()
      byteCount += key.utf8.count + text.utf8.count
      guard byteCount <= SafetensorsLimits.metadataByteCount else {
        throw scanner.error("the metadata has more than \(SafetensorsLimits.metadataByteCount) bytes")
      }
      members.append(.init(key, .string(text)))
    }
    return members
  }

  /// The data has neither holes nor overlaps, and ends where the file ends.
  private func checkLayout(_ file: SourceFile) throws {
    let ranges = entries.map(\.data)
    let order = entries.indices.sorted {
      (ranges[$0].lowerBound, ranges[$0].upperBound) < (ranges[$1].lowerBound, ranges[$1].upperBound)
    }
    var end: UInt64 = 0
    for index in order {
      guard ranges[index].lowerBound == end else {
        let entry = entries[index]
        let found = entry.data.lowerBound < end ? "overlaps the one before" : "leaves a hole behind the one before"
        throw Self.malformed(
          "its data begins at byte \(entry.data.lowerBound) of the data section and \(found), which ends at \(end)",
          tensor: entry.name, entry.place)
      }
      end = ranges[index].upperBound
    }
    let size = file.byteCount - dataOffset
    guard end == size else {
      throw Self.malformed(
        "the data section has \(size) bytes, the tensors take \(end): "
          + (end > size ? "the file is cut short" : "there are bytes behind them"),
        .byte(dataOffset + min(end, size)))
    }
  }
}
