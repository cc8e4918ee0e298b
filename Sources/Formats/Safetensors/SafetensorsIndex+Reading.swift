internal import TensorFerryTensors

extension SafetensorsIndex {
  /// Opens every shard and puts the set together, in the index's order.
  ///
  /// - Parameter locate: the path of a shard.
  /// - Throws: ``WeightFileError`` unless every shard is there, holds exactly the tensors that the index has in it, and
  ///   is a valid file.
  func read(locate: ((String) -> String)? = nil) throws -> StateDict {
    let directory = file.path.lastIndex(of: "/").map { file.path[...$0] } ?? ""
    let files = try open { locate?($0) ?? directory + $0 }
    var found: [ExactText: (shard: Int, tensor: LazyTensor)] = [:]
    var texts: [(file: String, members: [JSONValue.Member])] = []
    for (shard, source) in files.enumerated() {
      try SafetensorsFormat.locatingErrors(in: source.path) {
        let header = try SafetensorsHeader(source)
        texts.append((shards[shard], header.metadata))
        for entry in header.entries {
          let tensor = try header.tensor(of: entry, in: source)
          if let other = found.updateValue((shard, tensor), forKey: ExactText(entry.name)) {
            throw SafetensorsHeader.malformed(
              "the tensor is in '\(shards[other.shard])' too", tensor: entry.name, entry.place)
          }
        }
      }
    }
    var state = StateDict()
    state.origin = .init(
      path: file.path, format: SafetensorsFormat.name, layout: "\(files.count) shards",
      byteCount: files.reduce(file.byteCount) { $0 + $1.byteCount })
    for (name, shard) in tensors {
      guard let tensor = found.removeValue(forKey: ExactText(name)), tensor.shard == shard else {
        throw SafetensorsHeader.malformed(
          "the index has the tensor in '\(shards[shard])', which does not hold it", tensor: name, nil)
      }
      try state.append(name, tensor.tensor)
    }
    if let (name, place) = found.min(by: { SafetensorsMetadata.precedes($0.key.text, $1.key.text) }) {
      throw SafetensorsHeader.malformed(
        "\(found.count) tensors are not in the index, the first of them in '\(shards[place.shard])'", tensor: name.text,
        nil)
    }
    let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
    let members = Self.merged(texts + [(name, metadata)])
    return try SafetensorsMetadata(decoding: members, of: state).applied(to: state)
  }

  private func open(_ locate: (String) -> String) throws -> [SourceFile] {
    var files: [SourceFile] = []
    var failures: [String] = []
    for shard in shards {
      do {
        files.append(try SourceFile(path: locate(shard)))
      } catch let error as TensorError {
        failures.append("'\(shard.escapedForDisplay)' (\(error.reason))")
      }
    }
    guard failures.isEmpty else {
      throw SafetensorsHeader.malformed(
        "\(failures.count) of \(shards.count) shards cannot be opened: "
          + failures.prefix(5).joined(separator: ", ") + (failures.count > 5 ? ", ..." : ""), nil)
    }
    return files
  }

  /// One list of all members. Where files disagree on a key, its value is an object with each file's own.
  private static func merged(_ lists: [(file: String, members: [JSONValue.Member])]) -> [JSONValue.Member] {
    var order: [String] = []
    var values: [ExactText: [JSONValue.Member]] = [:]
    for (file, members) in lists {
      for member in members {
        if values[ExactText(member.key)] == nil { order.append(member.key) }
        values[ExactText(member.key), default: []].append(.init(file, member.value))
      }
    }
    return order.map { key in
      let found = values[ExactText(key)] ?? []
      guard let first = found.first?.value, found.allSatisfy({ $0.value == first }) else {
        return .init(key, .object(found))
      }
      return .init(key, first)
    }
  }
}
