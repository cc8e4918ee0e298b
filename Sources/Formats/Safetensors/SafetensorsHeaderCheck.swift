internal import TensorFerryTensors

/// Looks through a whole header, where ``SafetensorsHeader`` stops at the first thing that is wrong.
struct SafetensorsHeaderCheck {
  private(set) var findings: [FormatFinding] = []
  private(set) var names: [String] = []
  /// The bytes that the offsets of all tensors span.
  private(set) var tensorByteCount: UInt64 = 0

  private struct Data {
    let name: String
    let begin: UInt64
    let end: UInt64
    let bitWidth: Int
  }

  /// - Throws: ``WeightFileError`` if the header is no object of JSON.
  init(_ file: SourceFile) throws {
    let strict = Result { try SafetensorsHeader(file) }
    let (members, dataOffset) = try Self.members(of: file, strict)
    if dataOffset % 8 > 0 {
      findings.append(
        .init(
          .warning, "the header is not padded: the data begins at byte \(dataOffset), no multiple of 8",
          place: .byte(dataOffset)))
    }
    if members.first(where: { $0.key == "__metadata__" })?.value["format"]?.string == nil {
      findings.append(.init(.warning, "the metadata has no 'format', without which some loaders refuse the file"))
    }
    var data: [Data] = []
    for member in members where member.key != "__metadata__" {
      names.append(member.key)
      if let found = entry(member, dataOffset) { data.append(found) }
    }
    checkOrder(data)
    // What is left: overlaps, holes, repeated keys.
    if case .failure(let error) = strict, !findings.contains(where: { $0.severity == .error }) { throw error }
  }

  private static func members(
    of file: SourceFile, _ strict: Result<SafetensorsHeader, any Error>
  ) throws -> ([JSONValue.Member], dataOffset: UInt64) {
    guard file.byteCount >= 8 else {
      _ = try strict.get()
      return ([], 0)
    }
    var cursor = ByteCursor(try file.read(at: 0, count: 8), format: SafetensorsFormat.name)
    let length: UInt64 = try cursor.integer()
    guard length <= UInt64(SafetensorsLimits.headerByteCount), length <= file.byteCount - 8,
      let text = String(validating: try file.read(at: 8, count: Int(length)), as: UTF8.self),
      let members = try? JSONValue(parsing: text).members
    else {
      _ = try strict.get()
      throw SafetensorsHeader.malformed("the header is no JSON object", .byte(8))
    }
    return (members, 8 + length)
  }

  /// Judges one tensor by itself.
  private mutating func entry(_ member: JSONValue.Member, _ dataOffset: UInt64) -> Data? {
    let (name, value) = (member.key, member.value)
    func failure(_ reason: String) { findings.append(.init(.error, reason, tensor: name)) }
    let numbers = value["data_offsets"]?.array?.compactMap { $0.int.flatMap { UInt64(exactly: $0) } } ?? []
    let dimensions = value["shape"]?.array?.compactMap(\.int) ?? []
    guard let text = value["dtype"]?.string, numbers.count == 2, numbers[0] <= numbers[1],
      dimensions.count == value["shape"]?.array?.count
    else {
      failure("dtype, shape or data_offsets are missing or no such values")
      return nil
    }
    let (begin, end) = (numbers[0], numbers[1])
    tensorByteCount &+= end - begin
    guard let dtype = DType(rawValue: text), dtype.isInSafetensors else {
      failure("the element type '\(String(text.prefix(64)))' is not one of the 22 known")
      return nil
    }
    guard let shape = try? Shape(dimensions), let count = try? dtype.byteCount(of: shape.elementCount),
      UInt64(count) == end - begin
    else {
      failure("\(text) \(dimensions) does not take the \(end - begin) bytes of data_offsets")
      return nil
    }
    let width = UInt64(max(1, dtype.bitWidth / 8))
    let (offset, overflow) = dataOffset.addingReportingOverflow(begin)
    if !overflow, count > 0, offset % width > 0 {
      findings.append(
        .init(
          .warning, "the data is misaligned: it begins at byte \(offset), no multiple of the \(width) of \(text)",
          tensor: name, place: .byte(offset)))
    }
    return Data(name: name, begin: begin, end: end, bitWidth: dtype.bitWidth)
  }

  /// The library writes larger elements first, which keeps every tensor aligned.
  private mutating func checkOrder(_ data: [Data]) {
    let sorted = data.filter { $0.end > $0.begin }.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
    guard let pair = zip(sorted, sorted.dropFirst()).first(where: { $0.bitWidth < $1.bitWidth }) else { return }
    findings.append(
      .init(
        .warning, "the data is not sorted by element size: \(pair.1.bitWidth) bits follow \(pair.0.bitWidth)",
        tensor: pair.1.name))
  }
}
