internal import TensorFerryTensors

/// What the metadata says about itself, under ``SafetensorsMetadata/recordKey``.
struct SafetensorsRecord {
  /// The position in the state dict of each name that shares the storage of another.
  var positions: [ExactText: Int] = [:]
  /// The keys whose texts are JSON values.
  var json: Set<ExactText> = []
  /// The keys that are there for other readers, and are not metadata of the state dict.
  var added: Set<ExactText> = []

  init() {}

  func holds(alias name: ExactText) -> Bool { positions[name] != nil }

  init(_ member: JSONValue.Member) throws {
    do {
      let record = try JSONValue(parsing: member.value.string ?? "")
      for alias in record["aliases"]?.members ?? [] {
        guard let position = alias.value.int, position >= 0 else {
          throw TensorError(.invalidJSON, "the position of the alias '\(alias.key.escapedForDisplay)' is no integer")
        }
        positions[ExactText(alias.key)] = position
      }
      json = Self.texts(record["json"])
      added = Self.texts(record["added"])
    } catch let error as TensorError {
      throw WeightFileError(
        .malformed, "the metadata '\(member.key)' cannot be read: \(error.reason)", underlying: error)
    }
  }

  private static func texts(_ value: JSONValue?) -> Set<ExactText> {
    Set((value?.array ?? []).compactMap { $0.string.map(ExactText.init) })
  }

  /// Compact JSON with sorted keys.
  var text: String {
    var members: [JSONValue.Member] = []
    func list(_ keys: some Collection<ExactText>) -> JSONValue {
      .array(keys.map(\.text).sorted(by: SafetensorsMetadata.precedes).map(JSONValue.string))
    }
    if !added.isEmpty { members.append(.init("added", list(added))) }
    if !positions.isEmpty {
      let sorted = positions.sorted { $0.value < $1.value }
      members.append(.init("aliases", .object(sorted.map { .init($0.key.text, JSONValue($0.value)) })))
    }
    if !json.isEmpty { members.append(.init("json", list(json))) }
    return JSONValue.object(members).text()
  }
}
