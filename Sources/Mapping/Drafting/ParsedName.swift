/// A tensor's name, cut into tokens and into module and leaf.
struct ParsedName {
  let outline: TensorOutline
  /// Where the tensor stands in its file.
  let position: Int
  /// All tokens but the leaf's.
  var tokens: [NameToken]
  /// How many tokens the name has up to the end of each component.
  let ends: [Int]
  let leaf: Leaf
  /// The word that says the leaf, such as `kernel`; empty if none does.
  let leafWord: String

  /// A name that is longer is one opaque word: nobody writes such names, and cutting them takes time.
  static let maximumLength = 512

  init(_ outline: TensorOutline, position: Int) {
    self.outline = outline
    self.position = position
    guard outline.name.utf8.count <= Self.maximumLength else {
      (tokens, ends, leaf, leafWord) = ([.word(outline.name)], [], .unknown, "")
      return
    }
    let components = NameToken.components(of: outline.name)
    var tokens = components.flatMap { $0 }
    var end = 0
    ends = components.map { component in
      end += component.count
      return end
    }
    // Keras 3 numbers the variables of a layer: the first is the kernel or gamma, the second the bias or beta.
    if tokens.count > 2, case .number(let number) = tokens[tokens.count - 1], number < 2,
      tokens[tokens.count - 2] == .word("vars")
    {
      self.tokens = Array(tokens.dropLast(2))
      (leaf, leafWord) = number == 0 ? (.weight, "kernel") : (.bias, "vars")
      return
    }
    if let word = tokens.last?.word, tokens.count > 1, let leaf = Vocabulary.leaves[word] {
      tokens.removeLast()
      (self.leaf, leafWord) = (leaf, word)
    } else if let first = components.last?.first?.word, first == "w" || first == "b",
      (components.last?.count ?? 0) > 1, let leaf = Vocabulary.leaves[first]
    {
      // `w_q`, `b1`.
      tokens.remove(at: tokens.count - (components.last?.count ?? 0))
      (self.leaf, leafWord) = (leaf, first)
    } else {
      (leaf, leafWord) = (.unknown, "")
    }
    self.tokens = tokens
  }

  /// The words that belong to the state of training, such as an optimizer's.
  var trainingState: Set<String> { Vocabulary.trainingState.intersection(tokens.compactMap(\.word)) }
}

extension ParsedName {
  /// Gives the first of a numbered family its number: Keras calls its layers `dense`, `dense_1`, `dense_2`.
  static func numberingFirsts(_ outlines: [TensorOutline]) -> [ParsedName] {
    let components = outlines.map { $0.name.split(separator: "/").map(String.init) }
    let families = Set(
      components.joined().compactMap { component -> String? in
        guard let underscore = component.lastIndex(of: "_"), Int(component[component.index(after: underscore)...]) == 1
        else { return nil }
        return String(component[..<underscore])
      })
    return zip(outlines, components).enumerated().map { position, pair in
      let (outline, components) = pair
      guard components.contains(where: families.contains) else { return ParsedName(outline, position: position) }
      let numbered = components.map { families.contains($0) ? $0 + "_0" : $0 }.joined(separator: "/")
      let renamed = ParsedName(
        TensorOutline(name: numbered, shape: outline.shape, dtype: outline.dtype), position: position)
      return ParsedName(outline, like: renamed)
    }
  }

  /// The tensor of one name, cut as another.
  private init(_ outline: TensorOutline, like other: ParsedName) {
    self.outline = outline
    position = other.position
    tokens = other.tokens
    ends = other.ends
    leaf = other.leaf
    leafWord = other.leafWord
  }
}

extension ParsedName {
  /// The leading components, whole ones only, that end at or before a token.
  func roots(before token: Int) -> [[NameToken]] {
    ends.filter { $0 > 0 && $0 <= token && $0 < tokens.count }.map { Array(tokens[..<$0]) }
  }

  /// What is left without the longest of the roots: a prefix such as `text_classifier/` says nothing about a module.
  func tokens(without roots: Set<[NameToken]>) -> [NameToken] {
    let longest = self.roots(before: tokens.count).last(where: roots.contains)
    return Array(tokens.dropFirst(longest?.count ?? 0))
  }
}
