internal import TensorFerryTensors

/// The key-value pairs of a GGUF file as the metadata of a state dict, and back.
///
/// A value stands under its own key as the JSON value it is. Two keys of ours keep what JSON, or GGUF, cannot say:
/// `tensorferry.gguf_types` in the metadata has the exact types that differ from the natural ones, and
/// `tensorferry.json` in the file lists the keys whose text is a JSON value that GGUF cannot hold.
enum GGUFMetadata {
  static let typesKey = "tensorferry.gguf_types"
  static let jsonKey = "tensorferry.json"
  static let alignmentKey = "general.alignment"

  /// The kind is nil for a value that stands in the file as JSON text.
  private typealias Entry = (key: String, value: JSONValue, kind: GGUFKind?, place: UInt64)

  /// Reads `count` pairs.
  ///
  /// - Returns: the metadata, and the alignment of the file.
  static func read(_ count: Int, from cursor: inout GGUFCursor) throws -> ([JSONValue.Member], alignment: UInt64) {
    var entries: [Entry] = []
    var places: [ExactText: Int] = [:]
    for index in 0..<count {
      let place = cursor.offset
      let key = try cursor.identifier(upTo: GGUFLimits.keyByteCount, "a key")
      guard !key.isEmpty, key != typesKey else {
        throw cursor.malformed("a key is '\(key)', which is empty or reserved", at: place)
      }
      guard places.updateValue(index, forKey: ExactText(key)) == nil else {
        throw cursor.malformed("the key '\(key.escapedForDisplay)' appears twice", at: place)
      }
      let (value, kind) = try cursor.value(try cursor.valueType())
      entries.append((key, value, kind, place))
    }
    let alignment = try places[ExactText(alignmentKey)].map { try Self.alignment(entries[$0], cursor) } ?? 32
    if let index = places[ExactText(jsonKey)] {
      for key in try jsonKeys(entries[index], cursor) {
        guard let target = places[ExactText(key)] else {
          throw cursor.malformed(
            "'\(jsonKey)' names '\(key.escapedForDisplay)', which is no key", at: entries[index].place)
        }
        entries[target].value = try json(entries[target], cursor)
        entries[target].kind = nil
      }
      entries.remove(at: index)
    }
    var members = entries.map { JSONValue.Member($0.key, $0.value) }
    let types = entries.compactMap { entry in
      GGUFKind(naturalFor: entry.value) == entry.kind ? nil : entry.kind.map { JSONValue.Member(entry.key, $0.json) }
    }
    if !types.isEmpty { members.append(.init(typesKey, .object(types))) }
    return (members, alignment)
  }

  private static func alignment(_ entry: Entry, _ cursor: GGUFCursor) throws -> UInt64 {
    guard entry.kind == .scalar(.u32), let number = entry.value.int, let alignment = checked(alignment: number) else {
      throw cursor.malformed(
        "'\(alignmentKey)' is \(entry.kind?.json.text() ?? "") \(entry.value.text()), "
          + "an u32 that is a power of two up to \(GGUFLimits.alignments.upperBound) is expected", at: entry.place)
    }
    return alignment
  }

  static func checked(alignment: Int) -> UInt64? {
    guard let value = UInt64(exactly: alignment), GGUFLimits.alignments.contains(value), value & (value - 1) == 0
    else { return nil }
    return value
  }

  private static func jsonKeys(_ entry: Entry, _ cursor: GGUFCursor) throws -> [String] {
    let names = entry.value.array?.compactMap(\.string) ?? []
    guard entry.kind == .array(.str), names.count == entry.value.array?.count,
      Set(names.map(ExactText.init)).count == names.count
    else {
      throw cursor.malformed("'\(jsonKey)' is not an array of different keys", at: entry.place)
    }
    return names
  }

  private static func json(_ entry: Entry, _ cursor: GGUFCursor) throws -> JSONValue {
    guard entry.kind == .scalar(.str), let text = entry.value.string, let value = try? JSONValue(parsingPython: text),
      GGUFKind(naturalFor: value) == nil
    else {
      throw cursor.malformed(
        "the value of '\(entry.key.escapedForDisplay)' is not the text of a JSON value that GGUF lacks",
        at: entry.place)
    }
    return value
  }
}
