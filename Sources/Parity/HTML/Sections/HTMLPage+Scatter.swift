extension HTMLPage {
  /// Every difference against what rounding may explain.
  var scatter: PageSection {
    let lead =
      "Every compared value: how far it is from the oracle, against the bound of that very value. The line is where both "
      + "are equal. Rounding puts values below it; a value above it is a proof."
    let figures = allFigures
    guard !figures.isEmpty else { return PageSection("scatter", "Difference and bound", lead: lead, [Self.notDrawn]) }
    let exact = figures.map(\.figures.exact).reduce(0, +)
    let undecided = figures.map(\.figures.undecided).reduce(0, +)
    let note =
      "\(grouped(exact)) values have no difference at all and are not drawn"
      + (undecided > 0 ? "; \(grouped(undecided)) have no finite difference or bound." : ".")
    let groups = Certificate.Kind.allCases.map { kind -> Group in
      (
        kind,
        figures.filter { $0.certificate.kind == kind }.reduce(into: (LogCells(), LogCells())) { sum, entry in
          sum.0.add(entry.figures.within)
          sum.1.add(entry.figures.above)
        }
      )
    }
    guard groups.contains(where: { !$0.cells.within.counts.isEmpty || !$0.cells.above.counts.isEmpty }) else {
      return PageSection(
        "scatter", "Difference and bound", lead: lead, [.absence("There is no difference to draw: " + note)])
    }
    let worst = figures.flatMap { entry in entry.figures.worst.map { (entry.stage, entry.certificate.kind, $0) } }
      .sorted { $0.2.utilisation > $1.2.utilisation }
    let numbered = Array(worst.prefix(12))
    return PageSection(
      "scatter", "Difference and bound", lead: lead,
      [picture(groups, numbered), .paragraph(note)] + list(numbered, figures)
        + [.disclosed("The numbers", table(figures))])
  }

  private typealias Group = (kind: Certificate.Kind, cells: (within: LogCells, above: LogCells))

  /// A panel for each certificate, because their bounds are many decades apart.
  private func picture(
    _ groups: [Group], _ worst: [(String, Certificate.Kind, Certificate.Element)]
  ) -> Markup {
    let shown = groups.filter { !$0.cells.within.counts.isEmpty || !$0.cells.above.counts.isEmpty }
    var drawing = Drawing(
      "scatter-picture", title: "Difference of every value against its bound",
      description: "A panel for each certificate, with counts in cells of a power of 2. Above the proof line lie: "
        + (worst.isEmpty ? "none." : "some, the \(worst.count) worst of them numbered."), height: 380)
    let width = (drawing.width - 32) / Double(shown.count)
    for (index, group) in shown.enumerated() {
      let left = 20 + Double(index) * width
      var plot = Plot(
        drawing, x: span(group, \.x), y: heights(group), left: left + 48, top: 40,
        right: drawing.width - left - width + 8)
      plot.axisBelow(.decades(plot.x.domain, atMost: 5), "bound")
      plot.axisAtLeft(.decades(plot.y.domain), index == 0 ? "difference from the oracle" : "")
      plot.diagonal(above: "band-bad")
      draw(group.cells.within, group.kind.rawValue, &plot)
      draw(group.cells.above, "bad", &plot)
      plot.drawing.mark(Mark(group.kind), x: left + 54, y: 22, hint: group.kind.meaning)
      plot.drawing.text(group.kind.rawValue, x: left + 64, y: 26, style: "strong")
      let outside = group.cells.above.counts.values.reduce(0, +)
      if outside > 0 {
        plot.drawing.text(
          "✕ \(grouped(outside)) above", x: plot.x.end, y: 26, anchor: "end", style: "fail strong")
      }
      number(worst.enumerated().filter { $0.element.1 == group.kind }.map { ($0.offset + 1, $0.element.2) }, &plot)
      drawing = plot.drawing
    }
    return drawing.markup
  }

  private func number(_ elements: [(Int, Certificate.Element)], _ plot: inout Plot) {
    for (index, (number, element)) in elements.enumerated() {
      let (x, y) = (plot.x(decade(element.bound)), plot.y(decade(element.difference)))
      plot.drawing.mark(.different, x: x, y: y, size: 4, hint: "no. \(number): \(place(element.index))")
      if index == 0 { plot.drawing.text("\(number)", x: x + 11, y: y + 4, style: "fail strong") }
    }
  }

  private func span(_ group: Group, _ place: (LogCells.Cell) -> Int) -> ClosedRange<Double> {
    let edges = [group.cells.within, group.cells.above].flatMap { cells in
      cells.counts.keys.flatMap { [Double(place($0) * cells.step), Double((place($0) + 1) * cells.step)] }
    }.map { $0 * decade(2) }
    let low = max(-60, (edges.min() ?? -8).rounded(.down))
    return low...max(low + 1, min(60, (edges.max() ?? 0).rounded(.up)))
  }

  /// At least as far up and down as the proof line.
  private func heights(_ group: Group) -> ClosedRange<Double> {
    let (x, y) = (span(group, \.x), span(group, \.y))
    let room = group.cells.above.counts.isEmpty ? 0.0 : 1
    return min(x.lowerBound, y.lowerBound)...max(x.upperBound, y.upperBound) + room
  }

  private func draw(_ cells: LogCells, _ style: String, _ plot: inout Plot) {
    let most = decade(Double((cells.counts.values.max() ?? 1) + 1))
    for (cell, count) in cells.cells {
      func edge(_ exponent: Int) -> Double { Double(exponent * cells.step) * decade(2) }
      let (left, right) = (plot.x(edge(cell.x)), plot.x(edge(cell.x + 1)))
      let (bottom, top) = (plot.y(edge(cell.y)), plot.y(edge(cell.y + 1)))
      plot.drawing.rectangle(
        style, x: left + 0.3, y: top + 0.3, width: max(1.5, right - left - 0.6), height: max(1.5, bottom - top - 0.6),
        opacity: 0.25 + 0.75 * decade(Double(count + 1)) / most)
    }
  }

  private func list(
    _ worst: [(String, Certificate.Kind, Certificate.Element)],
    _ figures: [(stage: String, certificate: Certificate, figures: DifferenceFigures)]
  ) -> [Markup] {
    guard !worst.isEmpty else { return [] }
    let total = figures.map(\.figures.aboveCount).reduce(0, +)
    return [
      Table(
        caption: "The worst of the \(grouped(total)) values above the line",
        head: ["no.", "stage", "certificate", "case", "element", "difference", "bound", "times the bound"],
        rows: worst.enumerated().map { index, entry in
          [
            "\(index + 1)", "\(entry.0)", "\(entry.1.rawValue)", "\(entry.2.caseName)", "\(place(entry.2.index))",
            .value(entry.2.difference), .value(entry.2.bound), .value(entry.2.utilisation),
          ]
        }
      ).markup
    ]
  }

  private func table(
    _ figures: [(stage: String, certificate: Certificate, figures: DifferenceFigures)]
  ) -> Markup {
    Table(
      caption: "Compared values by what became of them",
      head: ["stage", "certificate", "values", "no difference", "below the line", "above the line", "not finite"],
      rows: figures.map { entry in
        let (all, shown) = (entry.certificate.compared, entry.figures)
        return [
          "\(entry.stage)", "\(entry.certificate.kind.rawValue)", .count(all), .count(shown.exact),
          .count(all - shown.exact - shown.aboveCount - shown.undecided), .count(shown.aboveCount),
          .count(shown.undecided),
        ]
      }, limit: 600
    ).markup
  }

  /// The certificates whose values were collected.
  var allFigures: [(stage: String, certificate: Certificate, figures: DifferenceFigures)] {
    report.stages.flatMap { stage in
      stage.certificates.compactMap { certificate in
        guard certificate.compared > 0, let figures = certificate.figures else { return nil }
        return (stage.name, certificate, figures)
      }
    }
  }

  static var notDrawn: Markup {
    .absence("Single values were not collected: the comparison was not asked to draw, or nothing was compared.")
  }
}
