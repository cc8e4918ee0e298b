internal import TensorFerryTensors

/// What a module is in its network, as far as its name and its neighbours say it.
///
/// Two modules with different roles are never matched, however well their shapes fit.
enum ModuleRole: String, Hashable {
  case query, key, value
  /// Query, key and value in one matrix, in this order.
  case fusedQueryKeyValue = "fused query, key and value"
  /// The same, but the name does not say in which order: Megatron and GPT-NeoX interleave the heads.
  case unorderedQueryKeyValue = "fused query, key and value in an order that the name does not tell"
  case attentionOutput = "output projection of the attention"
  case feedForwardIn = "first layer of the feed-forward part"
  case feedForwardOut = "second layer of the feed-forward part"
  case attentionNorm = "norm of the attention"
  case feedForwardNorm = "norm of the feed-forward part"
  case finalNorm = "norm behind the blocks"
  case pooling = "attention pooling"
  case head = "classifier"
  case embedding
  /// Something that the vocabulary knows, but that has no counterpart in other networks' vocabulary.
  case other = "something else"

  /// True for the parts of an attention whose matrices Keras and Flax store with the heads on an axis of their own.
  var hasHeads: Bool {
    switch self {
    case .query, .key, .value, .attentionOutput: true
    default: false
    }
  }
}

/// Finds the roles of the modules of one scope.
///
/// Roles come from words, but a word counts only together with its neighbours: `k` is a key if `q` and `v` stand beside
/// it, a norm is the first of two if the other is the second. So a stray letter in an opaque name means nothing.
struct RoleFinder {
  private var modules: [DraftModule]

  static func assign(to scope: DraftScope) -> DraftScope {
    var finder = RoleFinder(modules: scope.modules)
    // A network of a single block, or without any numbering, has the same parts.
    finder.attention()
    finder.feedForward(inBlock: scope.indices != nil)
    if scope.indices != nil {
      finder.norms()
    } else {
      finder.outsideOfBlocks()
    }
    return DraftScope(indices: scope.indices, modules: finder.modules)
  }

  private func open(where condition: (DraftModule) -> Bool) -> [Int] {
    modules.indices.filter { modules[$0].role == nil && condition(modules[$0]) }
  }

  // MARK: Outside of blocks

  private mutating func outsideOfBlocks() {
    for index in modules.indices where modules[index].role == nil {
      let module = modules[index]
      if module.has("embedding", "patch", "mask") || module.words.last == "token" {
        modules[index].role = .embedding
      } else if module.has("norm") {
        modules[index].role = module.has("before", "input", "pool", "head", "attention") ? .other : .finalNorm
      } else {
        // The score of an attention is pooling; a score alone is the classifier's.
        switch (module.has("attention", "pool"), module.has("head"), module.has("score")) {
        case (true, false, _): modules[index].role = isOfAttention(module) ? nil : .pooling
        case (false, true, _), (false, false, true): modules[index].role = .head
        default: break
        }
      }
    }
  }

  /// True for the inner parts of an attention, which are no pooling.
  private func isOfAttention(_ module: DraftModule) -> Bool {
    module.has("query", "key", "value", "qkv", "output") || (module.has("input") && module.has("linear"))
  }

  // MARK: Attention

  private mutating func attention() {
    let candidates = open { !$0.has("cross", "norm") }
    let surroundings = queryKeyValue(among: candidates)
    for index in candidates where modules[index].role == nil {
      let module = modules[index]
      let holdsAll = module.has("qkv") || (module.has("query") && module.has("key") && module.has("value"))
      // `in_proj` of torch and CLIP, `c_attn` of GPT-2.
      let isInput = Self.adjacent("input", "linear", module) || module.has("c") && !module.has("linear")
      if holdsAll || (module.has("attention") && isInput) {
        modules[index].role = isOrdered(module) ? .fusedQueryKeyValue : .unorderedQueryKeyValue
      }
    }
    let inputs: Set<ModuleRole?> = [.query, .fusedQueryKeyValue, .unorderedQueryKeyValue]
    guard modules.contains(where: { inputs.contains($0.role) }) else { return }
    let outputs = open { module in
      guard !module.has("cross", "norm", "query", "key", "value"), (module.weight?.shape.rank ?? 0) > 1 else {
        return false
      }
      // `o_proj` beside `q_proj` needs no other word.
      let isSibling = module.has("output") && surroundings.contains(Self.without("output", module.tokens))
      return isSibling || (module.has("attention") && module.has("output", "linear", "w"))
    }
    if outputs.count == 1 { modules[outputs[0]].role = .attentionOutput }
  }

  /// Finds names that differ only in saying query, key and value, if there is just one of each.
  ///
  /// - Returns: what the names have besides.
  private mutating func queryKeyValue(among candidates: [Int]) -> Set<[NameToken]> {
    let roles: [(word: String, role: ModuleRole)] = [("query", .query), ("key", .key), ("value", .value)]
    let families = roles.map { word, _ in
      Dictionary(
        grouping: candidates.filter { index in modules[index].words.filter { $0 == word }.count == 1 },
        by: { Self.without(word, modules[$0].tokens) })
    }
    var surroundings: Set<[NameToken]> = []
    for (surrounding, queries) in families[0] {
      let triple = [queries, families[1][surrounding] ?? [], families[2][surrounding] ?? []]
      guard triple.allSatisfy({ $0.count == 1 }) else { continue }
      for (members, (_, role)) in zip(triple, roles) { modules[members[0]].role = role }
      surroundings.insert(surrounding)
    }
    return surroundings
  }

  /// The order is query, key, value where the name is that of `torch.nn.MultiheadAttention`, timm or GPT-2, and one
  /// side of the matrix is three times the other: fewer key heads are packed in other ways.
  private func isOrdered(_ module: DraftModule) -> Bool {
    guard !module.words.contains("query"), !module.words.contains("w") else { return false }
    guard let dimensions = module.members[.weight]?.shape.dimensions, dimensions.count == 2 else { return false }
    return dimensions[0] / 3 == dimensions[1] && dimensions[0] % 3 == 0
      || dimensions[1] / 3 == dimensions[0] && dimensions[1] % 3 == 0
  }

  private static func without(_ word: String, _ tokens: [NameToken]) -> [NameToken] {
    tokens.filter { $0.word.map(Vocabulary.canonical) != word }
  }

  private static func adjacent(_ first: String, _ second: String, _ module: DraftModule) -> Bool {
    zip(module.words, module.words.dropFirst()).contains { $0 == first && $1 == second }
  }

  // MARK: Feed-forward part

  private mutating func feedForward(inBlock: Bool) {
    let layers = open { module in
      guard !module.has("attention", "norm", "cross", "query", "key", "value", "pool", "embedding") else {
        return false
      }
      guard module.members[.weight]?.shape.rank == 2 else { return false }
      return inBlock ? module.has("ffn", "linear", "intermediate", "output", "up", "down", "w") : module.has("ffn")
    }
    guard layers.count == 2 else { return }
    guard let order = Self.ordered(layers.map { modules[$0] }, by: Self.feedForwardPlace) else { return }
    modules[layers[order[0]]].role = .feedForwardIn
    modules[layers[order[1]]].role = .feedForwardOut
  }

  private static func feedForwardPlace(_ module: DraftModule) -> Int? {
    // Megatron's `dense_h_to_4h` and `dense_4h_to_h`.
    let words = module.words
    if words.suffix(2) == ["to", "4h"] { return 0 }
    if words.suffix(3) == ["4h", "to", "h"] { return 1 }
    // The last telling word counts: `mlp.output.up_proj` would be an odd name.
    for word in words.reversed() {
      switch word {
      case "up", "intermediate", "input": return 0
      case "down", "output": return 1
      default: continue
      }
    }
    // GPT-2's `c_fc` and `c_proj`: both words are projections elsewhere.
    let written = module.tokens.compactMap(\.word)
    if written.suffix(2) == ["c", "fc"] { return 0 }
    if written.suffix(2) == ["c", "proj"] { return 1 }
    return nil
  }

  // MARK: Norms

  private mutating func norms() {
    let norms = open { $0.has("norm") && !$0.has("query", "key", "value", "cross") }
    guard norms.count == 2 else { return }
    guard let order = Self.ordered(norms.map { modules[$0] }, by: Self.normPlace) else { return }
    modules[norms[order[0]]].role = .attentionNorm
    modules[norms[order[1]]].role = .feedForwardNorm
  }

  /// Where a norm stands in a block. Only the order counts: Llama's `post_attention_layernorm` is the second, because
  /// the first is `input_layernorm`; BERT's `attention.output.LayerNorm` is the first.
  private static func normPlace(_ module: DraftModule) -> Int? {
    if module.has("ffn", "intermediate") { return 2 }
    if module.has("attention") { return 1 }
    if module.has("before", "input") { return 0 }
    if module.has("output", "final", "after") { return 3 }
    return nil
  }

  /// The order of two modules: by what their words say, or by their numbers if they differ in nothing else.
  private static func ordered(_ pair: [DraftModule], by place: (DraftModule) -> Int?) -> [Int]? {
    let places = pair.map(place)
    if let first = places[0], let second = places[1], first != second { return first < second ? [0, 1] : [1, 0] }
    let words = pair.map { $0.tokens.filter { $0.number == nil } }
    let numbers = pair.map(\.numbers)
    guard words[0] == words[1], numbers[0].count == numbers[1].count else { return nil }
    let differing = zip(numbers[0], numbers[1]).filter { $0 != $1 }
    guard differing.count == 1 else { return nil }
    return differing[0].0 < differing[0].1 ? [0, 1] : [1, 0]
  }
}
