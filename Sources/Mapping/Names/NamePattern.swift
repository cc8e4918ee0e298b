/// A pattern of dotted names that takes names apart and puts them together: `layers.{i}.attention.{part}.weight`.
///
/// `{name}` stands for one whole part of a name, `{name...}` for one or more; `block_{i}`, a capture beside other
/// characters of its part, stands for a number. Nothing matches a piece of a part: `v_proj` is never found inside
/// `qkv_proj`. `{{` and `}}` are braces themselves. A capture that stands twice must be the same both times.
public struct NamePattern: Hashable, Sendable, CustomStringConvertible {
  enum Part: Hashable, Sendable {
    case literal(String)
    case capture(String)
    /// One or more parts.
    case captures(String)
    /// A number between two literals.
    case number(before: String, capture: String, after: String)

    var capture: String? {
      switch self {
      case .literal: nil
      case .capture(let name), .captures(let name), .number(_, let name, _): name
      }
    }
  }

  /// The values of captures by their names.
  public typealias Bindings = [String: String]

  public let description: String
  let parts: [Part]

  /// - Throws: ``PatternError`` with what is wrong with the text.
  public init(_ text: String) throws {
    description = text
    var parts: [Part] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false).joinedCaptures() {
      parts.append(try Part(part))
    }
    guard !text.isEmpty else { throw PatternError("a name is empty") }
    guard parts.count(where: { if case .captures = $0 { true } else { false } }) <= 1 else {
      throw PatternError("'\(text)' has more than one capture of several parts")
    }
    self.parts = parts
  }

  /// A pattern that matches one name.
  init(literal name: String) {
    description = name.replacing("{", with: "{{").replacing("}", with: "}}")
    parts = name.split(separator: ".", omittingEmptySubsequences: false).map { .literal(String($0)) }
  }

  /// The names of the captures, each once, in order.
  var captures: [String] {
    parts.compactMap(\.capture).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The one name that matches, if there are no captures.
  var literal: String? { captures.isEmpty ? name(with: [:]) : nil }

  /// The values of the captures if the whole name matches, else nil. O(parts).
  package func match(_ name: String) -> Bindings? {
    let found = name.split(separator: ".", omittingEmptySubsequences: false)
    let many = parts.firstIndex { if case .captures = $0 { true } else { false } }
    let extra = found.count - parts.count
    guard many == nil ? extra == 0 : extra >= 0 else { return nil }
    var bindings: Bindings = [:]
    func bind(_ capture: String, _ value: some StringProtocol) -> Bool {
      let known = bindings.updateValue(String(value), forKey: capture)
      return known == nil || known.map { $0.utf8.elementsEqual(value.utf8) } == true
    }
    var index = 0
    for part in parts {
      switch part {
      case .literal(let text): guard found[index].utf8.elementsEqual(text.utf8) else { return nil }
      case .capture(let name): guard !found[index].isEmpty, bind(name, found[index]) else { return nil }
      case .captures(let name):
        guard bind(name, found[index...(index + extra)].joined(separator: ".")) else { return nil }
        index += extra
      case .number(let before, let name, let after):
        guard let digits = Self.digits(of: found[index], before, after), bind(name, digits) else { return nil }
      }
      index += 1
    }
    return bindings
  }

  private static func digits(of part: Substring, _ before: String, _ after: String) -> Substring? {
    guard part.utf8.count > before.utf8.count + after.utf8.count, part.hasPrefix(before), part.hasSuffix(after) else {
      return nil
    }
    let digits = part.dropFirst(before.count).dropLast(after.count)
    return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? digits : nil
  }

  /// The name with the captures filled in, or nil if one has no value.
  package func name(with bindings: Bindings) -> String? {
    var result: [String] = []
    for part in parts {
      switch part {
      case .literal(let text): result.append(text)
      case .capture(let name), .captures(let name):
        guard let value = bindings[name] else { return nil }
        result.append(value)
      case .number(let before, let name, let after):
        guard let value = bindings[name] else { return nil }
        result.append(before + value + after)
      }
    }
    return result.joined(separator: ".")
  }
}

/// What is wrong with the text of a pattern.
public struct PatternError: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

extension NamePattern.Part {
  fileprivate init(_ text: String) throws {
    var literals = [""]
    var captures: [String] = []
    var rest = text[...]
    while let character = rest.first {
      if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
        literals[literals.count - 1].append(character)
        rest = rest.dropFirst(2)
      } else if character == "{" {
        guard let end = rest.firstIndex(of: "}") else { throw PatternError("'\(text)' has no '}' for its '{'") }
        captures.append(String(rest[rest.index(after: rest.startIndex)..<end]))
        literals.append("")
        rest = rest[rest.index(after: end)...]
      } else if character == "}" {
        throw PatternError("'\(text)' has no '{' for its '}'; a brace itself is written '}}'")
      } else {
        literals[literals.count - 1].append(character)
        rest = rest.dropFirst()
      }
    }
    guard let capture = captures.first else {
      self = .literal(literals[0])
      return
    }
    guard captures.count == 1 else { throw PatternError("'\(text)' has more than one capture in one part of a name") }
    let name = capture.hasSuffix("...") ? String(capture.dropLast(3)) : capture
    guard let first = name.unicodeScalars.first, first.properties.isAlphabetic || first == "_",
      name.unicodeScalars.allSatisfy({ $0.properties.isAlphabetic || $0 == "_" || ("0"..."9").contains($0) })
    else { throw PatternError("'{\(capture)}' is no name of a capture; it has letters, digits and '_'") }
    if literals == ["", ""] {
      self = name == capture ? .capture(name) : .captures(name)
    } else if name == capture {
      self = .number(before: literals[0], capture: name, after: literals[1])
    } else {
      throw PatternError("'{\(capture)}' takes whole parts, it cannot stand beside other characters")
    }
  }
}

extension [Substring] {
  /// Undoes the splitting at the dots of `{name...}`.
  fileprivate func joinedCaptures() -> [String] {
    var parts: [String] = []
    var isOpen = false
    for part in self {
      if isOpen { parts[parts.count - 1] += "." + part } else { parts.append(String(part)) }
      let last = parts[parts.count - 1].replacing("{{", with: "").replacing("}}", with: "")
      isOpen = last.lastIndex(of: "{").map { !last[$0...].contains("}") } ?? false
    }
    return parts
  }
}
