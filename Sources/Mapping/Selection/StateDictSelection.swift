public import TensorFerryTensors

/// Which tensors of a state dict are taken, and what is taken off their names.
public struct StateDictSelection: Hashable, Sendable {
  /// The part of a checkpoint that is taken, for example `model`; it and its dot are taken off. Nil takes all.
  public var key: String?
  /// A prefix that is taken off every name that has it, as often as it stands there.
  public var strippedPrefix: String?
  /// Names must match one of these, if there are any.
  public var included: [NameGlob] = []
  /// Names must match none of these.
  public var excluded: [NameGlob] = []

  public init() {}

  /// Takes the tensors; ties among them are kept, an alias whose owner is left out becomes the owner.
  ///
  /// - Throws: ``MappingError`` if a pattern, the key or the prefix matches nothing, or if two tensors would get one
  ///   name: every problem at once.
  public func apply(to state: StateDict) throws -> StateDict {
    var problems: [MappingProblem] = []
    for glob in included + excluded where !state.names.contains(where: { glob.matches(name($0) ?? $0) }) {
      problems.append(.init(.missing, "the pattern '\(glob.pattern.escapedForDisplay)' matches no tensor"))
    }
    if let key, !state.names.contains(where: { $0.hasPrefix(key + ".") }) {
      problems.append(
        .init(
          .missing, "there is no tensor under the key '\(key.escapedForDisplay)'",
          suggestion: "the keys are \(Self.keys(of: state))"))
    }
    if let strippedPrefix,
      !state.names.contains(where: { ($0).hasPrefix((key.map { $0 + "." } ?? "") + strippedPrefix) })
    {
      problems.append(.init(.missing, "no tensor has the prefix '\(strippedPrefix.escapedForDisplay)'"))
    }
    var result = StateDict()
    result.origin = state.origin
    result.metadata = state.metadata
    result.others = state.others
    var owners: [String: String] = [:]
    var sources: [String: String] = [:]
    for element in state {
      guard let name = name(element.name), isTaken(name) else { continue }
      if let other = sources.updateValue(element.name, forKey: name) {
        problems.append(
          .init(
            .ambiguous, source: element.name,
            "'\(other.escapedForDisplay)' and '\(element.name.escapedForDisplay)' would both be '\(name.escapedForDisplay)'"
          ))
        continue
      }
      let owner = element.aliasOf ?? element.name
      try result.append(name, element.tensor, aliasOf: owners[owner])
      if owners[owner] == nil { owners[owner] = name }
    }
    guard problems.isEmpty else { throw MappingError("select", file: state.origin?.path, problems: problems) }
    return result
  }

  /// The name without key and prefix, or nil if it is not under the key.
  private func name(_ name: String) -> String? {
    var name = name
    if let key {
      guard name.hasPrefix(key + ".") else { return nil }
      name.removeFirst(key.count + 1)
    }
    if let strippedPrefix, !strippedPrefix.isEmpty {
      while name.hasPrefix(strippedPrefix), name.count > strippedPrefix.count { name.removeFirst(strippedPrefix.count) }
    }
    return name
  }

  private func isTaken(_ name: String) -> Bool {
    (included.isEmpty || included.contains { $0.matches(name) }) && !excluded.contains { $0.matches(name) }
  }

  private static func keys(of state: StateDict) -> String {
    var keys: [String] = []
    for name in state.names {
      guard let dot = name.firstIndex(of: ".") else { continue }
      let key = String(name[..<dot])
      if !keys.contains(key) { keys.append(key) }
    }
    return keys.prefix(8).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
  }
}

extension WeightMapping {
  /// What is taken off the names before the rules see them.
  var prefix: String { (key.map { $0 + "." } ?? "") + strippedPrefixes.joined() }

  /// The tensors as the rules see them: those under the key, without the prefixes.
  ///
  /// - Throws: ``MappingError`` if the key or a prefix matches nothing.
  func select(from state: StateDict) throws -> StateDict {
    var selection = StateDictSelection()
    selection.key = key
    return try strippedPrefixes.reduce(selection.apply(to: state)) { state, prefix in
      var selection = StateDictSelection()
      selection.strippedPrefix = prefix
      return try selection.apply(to: state)
    }
  }
}
