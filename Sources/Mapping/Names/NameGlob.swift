/// A pattern for dotted names: `*` stands for any characters but a dot, `**` for any at all, `?` for one that is not
/// a dot.
///
/// So `encoder.*.weight` matches `encoder.fc.weight`, and `encoder.**` everything below `encoder`.
public struct NameGlob: Hashable, Sendable {
  public let pattern: String
  private let parts: [Part]

  private enum Part: Hashable {
    case literal(Character)
    case one
    case any
    case anyWithDots
  }

  public init(_ pattern: String) {
    self.pattern = pattern
    var parts: [Part] = []
    for character in pattern {
      switch character {
      case "*" where parts.last == .any: parts[parts.count - 1] = .anyWithDots
      case "*" where parts.last == .anyWithDots: break
      case "*": parts.append(.any)
      case "?": parts.append(.one)
      default: parts.append(.literal(character))
      }
    }
    self.parts = parts
  }

  /// A pattern that one name matches. `*` and `?` of the name stand for one character, whichever it is.
  init(literal name: String) { self.init(String(name.map { $0 == "*" ? "?" : $0 })) }

  /// True if the whole name matches. O(pattern · name).
  public func matches(_ name: String) -> Bool {
    // reachable[i]: the first i parts match what was read so far.
    var reachable = [Bool](repeating: false, count: parts.count + 1)
    reachable[0] = true
    func skipEmpty(_ states: inout [Bool]) {
      for (index, part) in parts.enumerated() where states[index] && (part == .any || part == .anyWithDots) {
        states[index + 1] = true
      }
    }
    skipEmpty(&reachable)
    for character in name {
      var next = [Bool](repeating: false, count: parts.count + 1)
      for (index, part) in parts.enumerated() where reachable[index] {
        switch part {
        case .literal(let expected): if expected == character { next[index + 1] = true }
        case .one: if character != "." { next[index + 1] = true }
        case .any: if character != "." { next[index] = true }
        case .anyWithDots: next[index] = true
        }
      }
      skipEmpty(&next)
      reachable = next
    }
    return reachable[parts.count]
  }
}
