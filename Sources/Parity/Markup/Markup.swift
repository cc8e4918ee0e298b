internal import TensorFerryTensors

/// A tree of elements and text, for XML and HTML alike.
///
/// Text and the values of attributes are escaped when they are written, and there is no way around it but for text that
/// is in the source code: nothing that a file says becomes markup.
enum Markup: ExpressibleByStringInterpolation {
  case text(String)
  indirect case element(StaticString, KeyValuePairs<StaticString, String>, [Markup])
  case fragment([Markup])
  /// A style sheet, or white space.
  case verbatim(StaticString)

  init(stringLiteral text: String) { self = .text(text) }

  init(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], _ children: Markup...) {
    self = .element(name, attributes, children)
  }

  init(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], all children: [Markup]) {
    self = .element(name, attributes, children)
  }

  /// The tree as text, in which control, bidirectional and other invisible characters are visible as `\u{...}`.
  var source: String {
    var source = ""
    write(to: &source)
    return source
  }

  private func write(to source: inout String) {
    switch self {
    case .text(let text): Self.write(text, to: &source)
    case .verbatim(let text): source += text.description
    case .fragment(let children):
      for child in children { child.write(to: &source) }
    case .element(let name, let attributes, let children):
      source += "<\(name)"
      for (key, value) in attributes {
        source += " \(key)=\""
        Self.write(value, to: &source)
        source += "\""
      }
      source += ">"
      if children.isEmpty, Self.void.contains(name.description) { return }
      for child in children { child.write(to: &source) }
      source += "</\(name)>"
    }
  }

  /// The elements of HTML that have no end.
  private static let void: Set<String> = ["meta", "wbr"]

  private static func write(_ text: String, to source: inout String) {
    for scalar in text.escapedForDisplay.unicodeScalars {
      switch scalar {
      case "&": source += "&amp;"
      case "<": source += "&lt;"
      case ">": source += "&gt;"
      case "\"": source += "&quot;"
      case "'": source += "&#39;"
      default: source.unicodeScalars.append(scalar)
      }
    }
  }
}

extension String {
  /// The text, or its two ends where it is longer than `limit`; the end of a name tells more than its beginning.
  func elided(to limit: Int) -> String {
    guard count > limit else { return self }
    return prefix(limit / 3) + "…" + suffix(limit - limit / 3 - 1)
  }
}

extension String {
  /// What is shown in a picture, where its length is limited: escaped first, so that nothing grows afterwards.
  var escapedForDrawing: String { prefix(2000).description.escapedForDisplay }
}
