internal import TensorFerryTensors

extension SafetensorsMetadata {
  /// The members of `__metadata__`, sorted by the bytes of their keys.
  ///
  /// - Parameter problems: gets a sentence for everything that cannot be written so that it comes back.
  static func encode(_ state: StateDict, problems: inout [String]) -> [JSONValue.Member] {
    var record = SafetensorsRecord()
    var members: [JSONValue.Member] = []
    var keys: Set<ExactText> = []
    var isAmbiguous = false
    for (position, element) in state.enumerated() {
      guard let owner = element.aliasOf else { continue }
      record.positions[ExactText(element.name)] = position
      keys.insert(ExactText(element.name))
      members.append(.init(element.name, .string(owner)))
    }
    for member in state.metadata {
      guard member.key != recordKey, keys.insert(ExactText(member.key)).inserted else {
        problems.append("the metadata key '\(member.key.escapedForDisplay)' is taken")
        continue
      }
      if member.value.string != nil {
        isAmbiguous = isAmbiguous || looksLikeAlias(member, of: state)
        members.append(member)
        continue
      }
      let text = member.value.text(nonFinite: .literals)
      if (try? JSONValue(parsingPython: text))?.text(nonFinite: .literals) != text {
        problems.append("the metadata '\(member.key.escapedForDisplay)' repeats a key or nests too deeply")
      }
      record.json.insert(ExactText(member.key))
      members.append(.init(member.key, .string(text)))
    }
    if isAmbiguous || !record.json.isEmpty || !record.positions.isEmpty {
      if keys.insert(ExactText(frameworkKey)).inserted {
        record.added.insert(ExactText(frameworkKey))
        members.append(.init(frameworkKey, "pt"))
      }
      members.append(.init(recordKey, .string(record.text)))
    }
    let byteCount = members.reduce(0) { $0 + $1.key.utf8.count + ($1.value.string?.utf8.count ?? 0) }
    if byteCount > SafetensorsLimits.metadataByteCount {
      problems.append("the metadata takes \(byteCount) bytes, the limit is \(SafetensorsLimits.metadataByteCount)")
    }
    return members.sorted { precedes($0.key, $1.key) }
  }

  static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}

extension SafetensorsFormat {
  /// The metadata to write, after a check of everything that the format cannot hold.
  ///
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` and every problem.
  static func representableMetadata(of state: StateDict) throws -> [JSONValue.Member] {
    var problems: [String] = []
    for element in state {
      func problem(_ reason: String) {
        problems.append("tensor '\(String(element.name.prefix(256)).escapedForDisplay)' \(reason)")
      }
      if let found = Self.problem(ofName: element.name) { problem(found) }
      if !element.tensor.dtype.isInSafetensors {
        problem("is \(element.tensor.typeName), which is not a type here")
      }
      if element.tensor.shape.rank > SafetensorsLimits.rank {
        problem("has \(element.tensor.shape.rank) dimensions, the limit is \(SafetensorsLimits.rank)")
      }
    }
    if state.count > SafetensorsLimits.tensorCount {
      problems.append("there are \(state.count) tensors, the limit is \(SafetensorsLimits.tensorCount)")
    }
    let metadata = SafetensorsMetadata.encode(state, problems: &problems)
    guard problems.isEmpty else { throw WeightFileError(.unrepresentable, problems.joined(separator: "; ")) }
    return metadata
  }
}
