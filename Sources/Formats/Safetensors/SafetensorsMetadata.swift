internal import TensorFerryTensors

/// How metadata and shared names stand in `__metadata__`, which holds nothing but texts.
///
/// A name that shares the storage of another is not in the file; as `save_model` does, its key in the metadata has the
/// other name as its text. Where that is not all that there is to tell, one more key, ``recordKey``, holds JSON that
/// says which texts are JSON values, at which position of the state dict each shared name stands, and which keys were
/// added for other readers.
struct SafetensorsMetadata {
  struct Alias {
    let name: String
    let owner: String
    let position: Int
  }

  static let recordKey = "tensorferry.safetensors/1"
  /// Hugging Face's loaders refuse metadata without it, and have `pt` for tensors of any origin.
  static let frameworkKey = "format"

  /// What stands in `__metadata__`, or, once decoded, what it means.
  let members: [JSONValue.Member]
  /// In order of position.
  let aliases: [Alias]

  /// True if a text would be taken for a name that was dropped, where nothing says otherwise.
  static func looksLikeAlias(_ member: JSONValue.Member, of tensors: StateDict) -> Bool {
    guard let owner = member.value.string, member.key != frameworkKey else { return false }
    return tensors[owner] != nil && tensors[member.key] == nil
  }

  /// - Parameter tensors: the names that are in the file.
  init(decoding members: [JSONValue.Member], of tensors: StateDict) throws {
    let record = try members.first { $0.key == Self.recordKey }.map(SafetensorsRecord.init)
    var aliases: [Alias] = []
    var decoded: [JSONValue.Member] = []
    for member in members where member.key != Self.recordKey {
      let key = ExactText(member.key)
      if let owner = member.value.string, Self.looksLikeAlias(member, of: tensors), record?.holds(alias: key) ?? true {
        aliases.append(Alias(name: member.key, owner: owner, position: record?.positions[key] ?? .max))
      } else if let record, record.json.contains(key), let text = member.value.string {
        decoded.append(.init(member.key, try Self.value(of: text, key: member.key)))
      } else if record?.added.contains(key) != true {
        decoded.append(member)
      }
    }
    self.members = decoded
    // A stable order, whatever the positions of a foreign file are.
    self.aliases = aliases.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
      .map(\.element)
  }

  private static func value(of text: String, key: String) throws -> JSONValue {
    do {
      return try JSONValue(parsingPython: text)
    } catch {
      throw WeightFileError(
        .malformed, "the metadata '\(key.escapedForDisplay)' is said to be JSON and is not", underlying: error)
    }
  }

  /// The tensors with their aliases at their positions, and the metadata.
  func applied(to tensors: StateDict) throws -> StateDict {
    var state = tensors
    if !aliases.isEmpty {
      state = StateDict()
      state.origin = tensors.origin
      var waiting = aliases[...]
      func append(_ alias: Alias) throws {
        guard let tensor = tensors[alias.owner] else { return }
        try state.append(alias.name, tensor, aliasOf: alias.owner)
      }
      for element in tensors {
        while let alias = waiting.first, alias.position <= state.count {
          waiting.removeFirst()
          try append(alias)
        }
        try state.append(element.name, element.tensor)
      }
      for alias in waiting { try append(alias) }
    }
    state.metadata = members
    return state
  }
}
