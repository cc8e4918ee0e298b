internal import TensorFerryTensors

/// The tensors that belong to one module, the same in every block of a stack: the weight and the bias of a layer.
///
/// They are matched together, so that the unusual shape of a bias settles its weight too.
struct DraftModule {
  struct Member {
    let shape: Shape
    let dtype: DType
    let leafWord: String
    /// One for each block, in the order of the blocks' numbers.
    let names: [String]
  }

  /// Behind the number of the block.
  let tokens: [NameToken]
  var members: [Leaf: Member]
  var role: ModuleRole?

  /// The words in their canonical spelling, in order.
  let words: [String]

  init(tokens: [NameToken], leaf: Leaf, _ member: Member) {
    self.tokens = tokens
    members = [leaf: member]
    words = tokens.compactMap(\.word).reduce(into: []) { words, word in
      if word == "forward", words.last == "feed" {
        words[words.count - 1] = "ffn"
      } else {
        words.append(Vocabulary.canonical(word))
      }
    }
  }

  var numbers: [Int] { tokens.compactMap(\.number) }
  var weight: Member? { members[.weight] ?? members[.unknown] }

  /// The words as they are written, for reasons.
  var title: String {
    tokens.map { token in
      switch token {
      case .word(let word): word
      case .number(let number): String(number)
      }
    }.joined(separator: " ")
  }

  func has(_ words: String...) -> Bool { words.contains(where: self.words.contains) }
}

/// Modules that are matched among each other: those outside of all blocks, or those of a numbered stack of blocks.
struct DraftScope {
  /// The numbers of the blocks in rising order; nil outside of blocks.
  let indices: [Int]?
  var modules: [DraftModule]

  var count: Int { indices?.count ?? 1 }
}
