/// Names that look like another one, for "did you mean".
struct NearestName {
  /// The candidate with the smallest edit distance, if it is close: at most 40 % of the longer name differs.
  static func of(_ name: String, among candidates: [String]) -> String? {
    let wanted = Array(name.utf8)
    var best: (candidate: String, distance: Int)?
    for candidate in candidates where candidate != name {
      let other = Array(candidate.utf8)
      guard other.count < 512, wanted.count < 512 else { continue }
      let allowed = max(wanted.count, other.count) * 2 / 5
      let distance = editDistance(wanted, other)
      if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
  }

  /// The number of insertions, deletions and substitutions of bytes (Levenshtein). O(n m) time, O(m) memory.
  static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal : min(diagonal, above, row[j]) + 1
        diagonal = above
      }
    }
    return row[b.count]
  }
}
