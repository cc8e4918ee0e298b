internal import TensorFerryTensors

extension GGUFMetadata {
  /// The bytes of key-value pairs.
  struct Encoded {
    var encoder = GGUFEncoder()
    var count: UInt64 = 0
    /// The alignment of tensors that the pairs declare.
    var alignment: UInt64 = 32
    /// What GGUF cannot hold, one sentence each.
    var problems: [String] = []

    fileprivate mutating func write(_ key: String, _ value: JSONValue, as kind: GGUFKind) -> Bool {
      let before = encoder.bytes.count
      encoder.write(key.utf8)
      guard encoder.write(value, as: kind) else {
        encoder.truncate(to: before)
        return false
      }
      count += 1
      return true
    }
  }

  /// Encodes metadata, each value as its exact type if that is known and holds it, else as its natural type, else as
  /// JSON text.
  ///
  /// - Parameter alignment: replaces what the metadata says.
  static func encode(_ metadata: [JSONValue.Member], alignment: Int?) -> Encoded {
    var encoded = Encoded()
    var seen: Set<ExactText> = []
    var jsonKeys: [JSONValue] = []
    let kinds = metadata.first { $0.key == typesKey }?.value.members ?? []
    let types = Dictionary(kinds.map { (ExactText($0.key), GGUFKind(json: $0.value)) }) { first, _ in first }
    for (key, value) in withAlignment(metadata, alignment) where key != typesKey {
      guard (1...GGUFLimits.keyByteCount).contains(key.utf8.count), !key.utf8.contains(0), key != jsonKey,
        seen.insert(ExactText(key)).inserted
      else {
        encoded.problems.append("the metadata key '\(key.escapedForDisplay)' is empty, too long, reserved or repeated")
        continue
      }
      if key == alignmentKey {
        guard let checked = value.int.flatMap(checked(alignment:)) else {
          encoded.problems.append("'\(key)' is \(value.text()), which is no power of two up to 65536")
          continue
        }
        encoded.alignment = checked
        _ = encoded.write(key, value, as: .scalar(.u32))
        continue
      }
      if let kind = types[ExactText(key)] ?? nil, encoded.write(key, value, as: kind) { continue }
      if let kind = GGUFKind(naturalFor: value), encoded.write(key, value, as: kind) { continue }
      jsonKeys.append(.string(key))
      _ = encoded.write(key, .string(value.text(nonFinite: .literals)), as: .scalar(.str))
    }
    if !jsonKeys.isEmpty { _ = encoded.write(jsonKey, .array(jsonKeys), as: .array(.str)) }
    return encoded
  }

  private static func withAlignment(
    _ metadata: [JSONValue.Member], _ alignment: Int?
  ) -> [(key: String, value: JSONValue)] {
    var pairs = metadata.map { (key: $0.key, value: $0.value) }
    guard let alignment else { return pairs }
    if let index = pairs.firstIndex(where: { $0.key == alignmentKey }) {
      pairs[index].value = JSONValue(alignment)
    } else if alignment != 32 {
      pairs.append((alignmentKey, JSONValue(alignment)))
    }
    return pairs
  }
}
