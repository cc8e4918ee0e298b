extension HTMLPage {
  /// Where in the worst stage the differences are.
  var residuals: PageSection {
    let lead =
      "How much of its bound each value of the worst stage uses. A column that stands out is one row of the weight or one "
      + "bias; a row is a sample; a block is a part of a joint weight; one cell is one value."
    guard let entry = worstFigures else {
      return PageSection("residuals", "Where the differences are", lead: lead, [Self.notDrawn])
    }
    let map = entry.figures.map
    guard map.rows > 0 else {
      return PageSection(
        "residuals", "Where the differences are", lead: lead, [.absence("Stage \(entry.stage) has no values.")])
    }
    let step =
      map.rowStep * map.columnStep == 1
      ? "Each cell is one value."
      : "Each cell is the worst of up to \(map.rowStep) by \(map.columnStep) values."
    return PageSection(
      "residuals", "Where the differences are", lead: lead,
      [
        Markup("h3", [:], .text("Stage \(entry.stage), certificate \(entry.certificate.kind.rawValue)")),
        .paragraph("\(step) Rows are all axes but the last, in order of the cases; columns are the last axis."),
        picture(entry.stage, map), .disclosed("The numbers", table(entry.stage, map)),
      ])
  }

  /// The worst certificate of the worst stage.
  private var worstFigures: (stage: String, certificate: Certificate, figures: DifferenceFigures)? {
    var worst: (stage: String, certificate: Certificate, figures: DifferenceFigures)?
    for entry in allFigures {
      guard let current = worst else {
        worst = entry
        continue
      }
      // Of stages that diverge, the first is the one to look at.
      let isFirst = current.stage == report.firstDivergence?.name && entry.stage != current.stage
      if !isFirst,
        Certificate.isWorse(entry.certificate.utilisation, than: current.certificate.utilisation)
          || (entry.stage == report.firstDivergence?.name && current.stage != entry.stage)
      {
        worst = entry
      }
    }
    return worst
  }

  static let bounds = Shades(
    limits: [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    labels: ["≤ 10⁻⁷", "10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1"])

  private func picture(_ stage: String, _ map: CellMap) -> Markup {
    let width = min(28, 760 / Double(map.columns))
    let height = min(width, max(4, 420 / Double(map.rows)))
    var drawing = Drawing(
      "residual-map", title: "Utilisation in stage \(stage) by row and feature",
      description: "\(map.rowCount) rows by \(map.columnCount) features in \(map.rows) by \(map.columns) cells.",
      height: Double(map.rows) * height + 96)
    drawing.cells(map, Self.bounds, x: 64, y: 52, cell: (width, height)) { $0 > 1 }
    drawing.text("difference / bound up to", x: 64, y: 16, style: "tick")
    drawing.legend(
      Self.bounds.samples + [("bad", "above the bound"), ("hatched", "not finite")], x: 64, y: 34)
    let (right, below) = (64 + Double(map.columns) * width, 52 + Double(map.rows) * height)
    drawing.text("0", x: 58, y: 62, anchor: "end", style: "tick")
    drawing.text("\(map.rowCount - 1)", x: 58, y: below, anchor: "end", style: "tick")
    drawing.text("0", x: 64, y: below + 16, style: "tick")
    drawing.text("\(map.columnCount - 1)", x: right, y: below + 16, anchor: "end", style: "tick")
    drawing.text("feature", x: (64 + right) / 2, y: below + 34, anchor: "middle", style: "axis-title")
    drawing.text("row", x: 16, y: (52 + below) / 2, anchor: "middle", style: "axis-title", turned: true)
    return drawing.markup
  }

  private func table(_ stage: String, _ map: CellMap) -> Markup {
    let cells = (0..<map.rows).flatMap { row in
      (0..<map.columns).compactMap { column in map[row, column].map { (row, column, $0) } }
    }
    let worst = cells.enumerated().sorted {
      Certificate.isWorse($0.element.2, than: $1.element.2)
        || (!Certificate.isWorse($1.element.2, than: $0.element.2) && $0.offset < $1.offset)
    }
    func range(_ cell: Int, _ step: Int, _ count: Int) -> String {
      step == 1 ? "\(cell)" : "\(cell * step) to \(min((cell + 1) * step, count) - 1)"
    }
    return Table(
      caption: "The 20 cells of stage \(stage) that use most of their bound", head: ["row", "feature", "utilisation"],
      rows: worst.prefix(20).map(\.element).map { row, column, value in
        [
          "\(range(row, map.rowStep, map.rowCount))", "\(range(column, map.columnStep, map.columnCount))",
          .value(value),
        ]
      }
    ).markup
  }
}
