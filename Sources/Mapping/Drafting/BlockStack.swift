internal import TensorFerryTensors

/// Finds the numbered stacks of a network: names that differ in one number and hold tensors of the same shapes.
///
/// Six layers are one decision then, and their order is the order of their numbers, whether they begin at 0 or 1.
struct BlockStack {
  private struct Key: Hashable {
    let prefix: [NameToken]
  }
  private struct Rest: Hashable {
    let tokens: [NameToken?]
    let leaf: Leaf
    let shape: Shape
  }
  /// The tensors that are the same in all blocks, or one tensor outside of blocks.
  private struct Template {
    /// All that the tensors of one module have alike.
    let module: [NameToken]
    /// What of it tells something.
    let tokens: [NameToken]
    let leaf: Leaf
    let parsed: [ParsedName]
  }
  private struct Place {
    let name: Int
    let position: Int
    let index: Int
  }

  /// The modules of each stack, and of what is in none (the first scope, which is always there).
  static func scopes(of names: [ParsedName]) -> [DraftScope] {
    var places: [Key: [Place]] = [:]
    for (name, parsed) in names.enumerated() {
      for (position, token) in parsed.tokens.enumerated().prefix(64) {
        guard case .number(let index) = token else { continue }
        let key = Key(prefix: Array(parsed.tokens[..<position]))
        places[key, default: []].append(Place(name: name, position: position, index: index))
      }
    }
    var ranked = places.map { key, places in (key: key, places: places, score: covered(places, names).count) }
    // The stack that explains most names is taken first; of equals the outermost.
    ranked.sort {
      ($1.score, $0.key.prefix.count, $0.places[0].name) < ($0.score, $1.key.prefix.count, $1.places[0].name)
    }
    var free = Set(names.indices)
    var stacks: [DraftScope] = []
    var roots = rootsOfAll(names)
    for candidate in ranked where candidate.score > 0 {
      let left = candidate.places.filter { free.contains($0.name) }
      guard isStack(left, below: candidate.key, names) else { continue }
      let members = covered(left, names)
      guard !members.isEmpty else { continue }
      free.subtract(members.map(\.name))
      stacks.append(stack(members, names))
      roots.formUnion(names[members[0].name].roots(before: members[0].position))
    }
    let rest = free.sorted().map { index in
      Template(
        module: names[index].tokens, tokens: names[index].tokens(without: roots), leaf: names[index].leaf,
        parsed: [names[index]])
    }
    return [DraftScope(indices: nil, modules: modules(rest))] + stacks
  }

  /// The leading components that every name has.
  private static func rootsOfAll(_ names: [ParsedName]) -> Set<[NameToken]> {
    guard let first = names.first, names.count > 1 else { return [] }
    return Set(
      first.roots(before: first.tokens.count).filter { root in names.allSatisfy { $0.tokens.starts(with: root) } })
  }

  /// The places whose tensor is in every block, with the same shape.
  private static func covered(_ places: [Place], _ names: [ParsedName]) -> [Place] {
    let indices = Set(places.map(\.index))
    let groups = Dictionary(grouping: places) { rest(of: $0, names) }
    return groups.values.filter { group in
      let counts = Dictionary(grouping: group, by: \.index).mapValues(\.count)
      return counts.count == indices.count && Set(counts.values).count == 1
    }.flatMap { $0 }.sorted { $0.name < $1.name }
  }

  private static func isStack(_ places: [Place], below key: Key, _ names: [ParsedName]) -> Bool {
    let indices = Set(places.map(\.index))
    let container = key.prefix.last?.word.map(Vocabulary.containers.contains) ?? false
    guard indices.count > 1 || (indices.count == 1 && container) else { return false }
    // Most of what stands below the prefix must repeat; else the number is something else.
    return covered(places, names).count * 2 > places.count
  }

  /// What stands behind the block's number, with other numbers masked: Keras counts layers through all blocks.
  private static func rest(of place: Place, _ names: [ParsedName]) -> Rest {
    let parsed = names[place.name]
    let tokens = parsed.tokens[(place.position + 1)...].map { $0.number == nil ? Optional($0) : nil }
    return Rest(tokens: tokens, leaf: parsed.leaf, shape: parsed.outline.shape)
  }

  private static func stack(_ places: [Place], _ names: [ParsedName]) -> DraftScope {
    let indices = Set(places.map(\.index)).sorted()
    var templates: [Template] = []
    // Grouped without the shape, so that the numbers of `dense_0` and `dense_1` are counted together.
    struct Masked: Hashable {
      let tokens: [NameToken?]
      let leaf: Leaf
    }
    let groups = Dictionary(grouping: places) { place in
      let rest = rest(of: place, names)
      return Masked(tokens: rest.tokens, leaf: rest.leaf)
    }
    for (_, group) in groups.sorted(by: { $0.value[0].name < $1.value[0].name }) {
      let blocks = indices.map { index in
        group.filter { $0.index == index }.map { place in
          (names[place.name], Array(names[place.name].tokens[(place.position + 1)...]))
        }.sorted { $0.1.compactMap(\.number).lexicographicallyPrecedes($1.1.compactMap(\.number)) }
      }
      let count = blocks[0].count
      guard blocks.allSatisfy({ $0.count == count }) else { continue }
      for rank in 0..<count {
        let tokens = blocks.map { $0[rank].1 }
        // The same numbers in each block are part of the name; others only give an order within the block.
        let literal = tokens.allSatisfy { $0 == tokens[0] }
        let words = tokens[0].filter { $0.number == nil }
        let own = literal ? tokens[0] : count > 1 ? words + [.number(rank)] : words
        templates.append(
          Template(module: own, tokens: own, leaf: blocks[0][rank].0.leaf, parsed: blocks.map { $0[rank].0 }))
      }
    }
    return DraftScope(indices: indices, modules: modules(templates))
  }

  /// Puts weight and bias of one module together.
  private static func modules(_ templates: [Template]) -> [DraftModule] {
    var modules: [DraftModule] = []
    var known: [[NameToken]: Int] = [:]
    for template in templates {
      guard let first = template.parsed.first else { continue }
      guard template.parsed.allSatisfy({ $0.outline.shape == first.outline.shape }) else { continue }
      let member = DraftModule.Member(
        shape: first.outline.shape, dtype: first.outline.dtype, leafWord: first.leafWord,
        names: template.parsed.map(\.outline.name))
      if template.leaf != .unknown, let index = known[template.module], modules[index].members[template.leaf] == nil {
        modules[index].members[template.leaf] = member
      } else {
        if template.leaf != .unknown { known[template.module] = modules.count }
        modules.append(DraftModule(tokens: template.tokens, leaf: template.leaf, member))
      }
    }
    return modules
  }
}
