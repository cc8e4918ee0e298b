/// A table of HTML; the first column names the row.
struct Table {
  enum Cell: ExpressibleByStringInterpolation {
    case text(String)
    /// In digits of equal width, at the right.
    case number(String)
    case markup(Markup)

    init(stringLiteral text: String) { self = .text(text) }
  }

  let caption: String
  let head: [String]
  var rows: [[Cell]]
  /// The most rows that are shown; what is left out is told.
  var limit = 200

  var markup: Markup {
    let shown = rows.prefix(limit)
    var parts: [Markup] = [
      Markup("caption", [:], .text(caption)),
      Markup("thead", [:], Markup("tr", [:], all: head.map { Markup("th", ["scope": "col"], .text($0)) })),
      Markup("tbody", [:], all: shown.map { row in Markup("tr", [:], all: row.enumerated().map(Self.cell)) }),
    ]
    if shown.count < rows.count {
      let text = "and \(rows.count - shown.count) further rows, which the JSON report has"
      parts.append(
        Markup("tfoot", [:], Markup("tr", [:], Markup("td", ["colspan": "\(head.count)"], .text(text)))))
    }
    return Markup(
      "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption],
      Markup("table", [:], all: parts))
  }

  private static func cell(_ column: Int, _ cell: Cell) -> Markup {
    switch cell {
    case .text(let text):
      column == 0
        ? Markup("th", ["scope": "row"], .breakable(text)) : Markup("td", [:], .breakable(text))
    case .number(let text): Markup("td", ["class": "number"], .text(text))
    case .markup(let markup): column == 0 ? Markup("th", ["scope": "row"], markup) : Markup("td", [:], markup)
    }
  }
}

extension Markup {
  /// A table that is shown on demand, and always in print.
  static func disclosed(_ summary: String, _ content: Markup...) -> Markup {
    Markup("details", [:], all: [Markup("summary", [:], .text(summary))] + content)
  }

  static func paragraph(_ text: String) -> Markup { Markup("p", [:], .text(text)) }

  /// A text whose lines may end behind a dot, as long names need it.
  static func breakable(_ text: String) -> Markup {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 2, text.count > 16 else { return .text(text) }
    return .fragment(
      parts.enumerated().flatMap { index, part in
        index == parts.count - 1 ? [Markup.text(String(part))] : [.text(part + "."), .element("wbr", [:], [])]
      })
  }

  /// Says why a picture is not there.
  static func absence(_ reason: String) -> Markup { Markup("p", ["class": "absent"], .text(reason)) }
}
