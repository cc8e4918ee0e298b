internal import TensorFerryTensors

/// A page that shows a report.
package struct HTMLPage {
  let report: ParityReport
  /// The report as the command prints it: what has no picture is shown from here.
  let json: JSONValue

  init(_ report: ParityReport) {
    self.report = report
    json = report.json
  }

  package var source: String {
    let title = "\(report.verdict.rawValue): \(report.model)"
    let head = Markup(
      "head", [:],
      Markup("meta", ["charset": "utf-8"]),
      // Nothing is fetched and nothing runs, whatever a name in a file may hold.
      Markup(
        "meta",
        ["http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"]),
      Markup("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      Markup("meta", ["name": "color-scheme", "content": "light dark"]),
      Markup("title", [:], .text(title)),
      Markup("style", [:], .verbatim(StyleSheet.text)))
    let body = Markup(
      "body", [:],
      Markup("header", [:], headline, navigation, patterns),
      Markup("main", [:], all: sections.map(\.markup)),
      Markup("footer", [:], .text("tensorferry.verify/1 · the same comparison gives the same page, byte for byte")))
    return "<!DOCTYPE html>\n" + Markup("html", ["lang": "en"], head, body).source + "\n"
  }

  private var sections: [PageSection] {
    [
      ladder, scatter, deviations, residuals, budget, causes, detectability, margins, selfTest, attention, parameters,
      provenance,
    ]
  }

  private var navigation: Markup {
    Markup(
      "nav", ["aria-label": "Sections"],
      all: sections.map { Markup("a", ["href": "#" + $0.id], .text($0.title)) })
  }

  /// The hatching that pictures refer to; not hidden with `display: none`, because then nothing would be hatched.
  private var patterns: Markup {
    Markup(
      "svg", ["class": "patterns", "width": "0", "height": "0", "aria-hidden": "true"],
      Markup(
        "defs", [:],
        Markup(
          "pattern",
          [
            "id": "hatch", "width": "6", "height": "6", "patternUnits": "userSpaceOnUse",
            "patternTransform": "rotate(45)",
          ],
          Markup("rect", ["class": "hatch-ground", "width": "6", "height": "6"]),
          Markup("rect", ["class": "hatch-line", "width": "2.5", "height": "6"]))))
  }
}

/// One part of the page.
struct PageSection {
  let id: String
  let title: String
  /// What the part shows and how to read it.
  let lead: String
  let body: [Markup]

  init(_ id: String, _ title: String, lead: String, _ body: [Markup]) {
    self.id = id
    self.title = title
    self.lead = lead
    self.body = body
  }

  var markup: Markup {
    Markup(
      "section", ["id": id, "aria-labelledby": id + "-heading"],
      all: [Markup("h2", ["id": id + "-heading"], .text(title)), Markup("p", ["class": "lead"], .text(lead))] + body)
  }
}

/// A number in a table.
func numeral(_ value: Double?) -> String {
  guard let value else { return "–" }
  return value.isNaN ? "not a number" : value.isInfinite ? (value < 0 ? "−∞" : "∞") : ParityReport.short(value)
}

extension Table.Cell {
  static func value(_ value: Double?) -> Table.Cell { .number(numeral(value)) }
  static func count(_ count: Int) -> Table.Cell { .number(grouped(count)) }
}

/// A count with a narrow space between thousands.
func grouped(_ count: Int) -> String {
  let digits = Array(String(count))
  return digits.indices.map { index in
    let behind = digits.count - index
    return (index > 0 && behind % 3 == 0 && digits[index - 1] != "-" ? "\u{202F}" : "") + String(digits[index])
  }.joined()
}

func place(_ index: [Int]) -> String { "[" + index.map(String.init).joined(separator: ", ") + "]" }
