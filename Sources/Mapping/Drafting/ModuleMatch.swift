/// Source modules that were recognised as target modules.
struct ModuleMatch {
  enum Form {
    case same
    /// The same, with the weight and the bias each found on its own.
    case gathered
    /// Query, key and value become one.
    case joined
    /// One becomes query, key and value.
    case split
  }

  let form: Form
  /// Places in the lists of modules: one; three for query, key and value; a weight's and a bias's if gathered.
  let targets: [Int]
  let sources: [Int]
  let reason: String
  let confidence: Double
}

/// How much the names of two modules have to do with each other, from 0 to 1.
struct NameSimilarity {
  /// The share of words that both have; words that differ in few letters count as one. Words of wrappers and numbers
  /// do not count.
  static func between(_ a: DraftModule, _ b: DraftModule) -> Double {
    let (left, right) = (content(a), content(b))
    guard !left.isEmpty, !right.isEmpty else { return 0 }
    let matched = left.filter { word in right.contains { alike(word, $0) } }.count
    return 2 * Double(matched) / Double(left.count + right.count)
  }

  private static func content(_ module: DraftModule) -> Set<String> {
    Set(module.words.filter { !Vocabulary.neutral.contains($0) }.prefix(32))
  }

  private static func alike(_ a: String, _ b: String) -> Bool {
    guard a != b else { return true }
    let (left, right) = (Array(a.utf8), Array(b.utf8))
    let longer = max(left.count, right.count)
    guard min(left.count, right.count) >= 4, longer <= 64 else { return false }
    return NearestName.editDistance(left, right) * 5 <= longer
  }
}
