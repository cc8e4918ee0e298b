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
    let groups = Certificate.Kind.allCases.map { kind in
      (
        kind,
        figures.filter { $0.certificate.kind == kind }.reduce(into: (LogCells(), LogCells())) { sum, entry in
          sum.0.add(entry.figures.within)
          sum.1.add(entry.figures.above)
        }
      )
    }
    guard groups.contains(where: { !$0.1.0.counts.isEmpty || !$0.1.1.counts.isEmpty }) else {
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

  private func picture(
    _ groups: [(Certificate.Kind, (LogCells, LogCells))], _ worst: [(String, Certificate.Kind, Certificate.Element)]
  ) -> Markup {
    let cells = groups.flatMap { [$0.1.0, $0.1.1] }
    func span(_ place: (LogCells.Cell) -> Int) -> ClosedRange<Double> {
      let edges = cells.flatMap { cells in
        cells.counts.keys.flatMap { [Double(place($0) * cells.step), Double((place($0) + 1) * cells.step)] }
      }.map { $0 * decade(2) }
      let low = max(-60, (edges.min() ?? -8).rounded(.down))
      return low...max(low + 1, min(40, (edges.max() ?? 0).rounded(.up)))
    }
    let x = span(\.x)
    let heights = span(\.y)
    let y = min(heights.lowerBound, x.lowerBound)...max(heights.upperBound, x.upperBound)
    let count = worst.isEmpty ? "none" : "\(worst.count) of them numbered"
    var plot = Plot(
      Drawing(
        "scatter-picture", title: "Difference of every value against its bound",
        description: "Counts in cells of a power of 2. Above the proof line lie: \(count).", height: 520),
      x: x, y: y, top: 30)
    plot.axisBelow(.decades(x), "bound")
    plot.axisAtLeft(.decades(y, atMost: 12), "difference from the oracle")
    plot.diagonal(above: "band-bad")
    plot.drawing.text("more than rounding explains", x: plot.x.start + 12, y: plot.y.end + 18, style: "fail")
    for (index, group) in groups.enumerated() {
      draw(group.1.0, group.0.rawValue, &plot)
      draw(group.1.1, "bad", &plot)
      plot.drawing.mark(Mark(group.0), x: 90 + 100 * Double(index), y: 12, hint: group.0.meaning)
      plot.drawing.text(group.0.rawValue, x: 99 + 100 * Double(index), y: 16, style: "tick")
    }
    for (index, entry) in worst.enumerated() {
      let (left, top) = (plot.x(decade(entry.2.bound)), plot.y(decade(entry.2.difference)))
      plot.drawing.mark(.different, x: left, y: top, size: 4, hint: "\(entry.0) \(place(entry.2.index))")
      if index < 3 {
        plot.drawing.text("\(index + 1)", x: left + 7, y: top - 3 - 11 * Double(index), style: "fail strong")
      }
    }
    return plot.drawing.markup
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
