extension HTMLPage {
  /// What the reference would expose of a change in each parameter.
  var detectability: PageSection {
    let lead =
      "How small a change of each single parameter this reference would certainly expose, in units of the last place of "
      + "its float32 value. Hatched parameters are blind: no change of them would be proven."
    guard let coverage = report.coverage else {
      return PageSection(
        "detectability", "What the reference would expose", lead: lead, [.absence("No coverage was asked for.")])
    }
    let drawn = coverage.parts.enumerated().filter { $0.element.relative.rows > 0 }
      .sorted { (Self.priority($0.element), $0.offset) < (Self.priority($1.element), $1.offset) }.prefix(Self.mapCount)
      .sorted { $0.offset < $1.offset }
    let omitted = coverage.parts.count - drawn.count
    let note =
      omitted == 0
      ? [] : [Markup.paragraph("Drawn are the \(drawn.count) with most to see; \(omitted) others are in the table.")]
    let pictures =
      drawn.isEmpty
      ? [.absence("No stage has parameters whose changes are traced.")] : drawn.map { picture($0.element, $0.offset) }
    return PageSection(
      "detectability", "What the reference would expose", lead: lead,
      [Self.legend, Markup("div", ["class": "maps"], all: pictures)] + note + [table(coverage), gaps(coverage)])
  }

  private static let mapCount = 12

  /// Matrices first, those with blind elements before others.
  private static func priority(_ part: Coverage.Part) -> Int {
    (part.relative.rowCount > 1 ? 0 : 2) + (part.exposed < part.changes.count ? 0 : 1)
  }

  private static let ulps = Shades(
    limits: [1e-8, 1e-6, 1e-4, 1e-2, 1, 1e3, 1e6],
    labels: ["≤ 10⁻⁸ ulp", "10⁻⁶", "10⁻⁴", "10⁻²", "1", "10³", "10⁶", "more"])

  private static var legend: Markup {
    var drawing = Drawing(
      "detectability-legend", title: "Legend of the maps", description: "The darker, the larger the change must be.",
      height: 26)
    drawing.legend(ulps.samples + [("hatched", "blind")], x: 8, y: 16)
    return drawing.markup
  }

  private func picture(_ part: Coverage.Part, _ number: Int) -> Markup {
    let map = part.relative
    let width = min(16, 400 / Double(map.columns))
    let height = map.rows == 1 ? 16 : max(2.5, min(16, width, 160 / Double(map.rows)))
    let name = part.description
    var drawing = Drawing(
      "detectability-\(number)", title: "Smallest exposed change in \(name)",
      description: "\(map.rowCount) by \(map.columnCount) elements in \(map.rows) by \(map.columns) cells; "
        + "\(part.elements.count - part.exposed) blind.", width: 416, height: Double(map.rows) * height + 52)
    drawing.text(name.escapedForDrawing.elided(to: 54), x: 8, y: 14, style: "strong", full: name)
    drawing.text(
      "\(grouped(part.withinUlp)) of \(grouped(part.elements.count)) within one ulp, "
        + "\(grouped(part.elements.count - part.exposed)) blind", x: 8, y: 31, style: "tick")
    drawing.cells(map, Self.ulps, x: 8, y: 40, cell: (width, height))
    return drawing.markup
  }

  private func table(_ coverage: Coverage) -> Markup {
    Table(
      caption: "Each parameter: smallest exposed changes",
      head: ["parameter", "stage", "elements", "exposed", "within one ulp", "median", "largest", "in the output"],
      rows: coverage.parts.map { part in
        let quantiles = Coverage.Quantiles(part.changes)
        let sight = part.influencesOutput ? ("pass", "visible") : ("doubt", "not visible")
        return [
          "\(part.description)", "\(part.stage)", .count(part.elements.count), .count(part.exposed),
          .count(part.withinUlp), .value(quantiles?.median), .value(quantiles?.largest),
          .markup(Markup("span", ["class": sight.0], .text(sight.1))),
        ]
      }
    ).markup
  }

  private func gaps(_ coverage: Coverage) -> Markup {
    let rows = coverage.parts.flatMap { part in
      part.gaps.map { gap -> [Table.Cell] in
        ["\(part.description)", .count(gap.count), "\(gap.reason)", "\(gap.remedy ?? "nothing helps")"]
      }
    }
    guard !rows.isEmpty else { return .paragraph("Nothing is blind, and every parameter shows in the output.") }
    return Table(
      caption: "What is not seen, and what to add", head: ["parameter", "elements", "reason", "what to add"], rows: rows
    ).markup
  }
}
