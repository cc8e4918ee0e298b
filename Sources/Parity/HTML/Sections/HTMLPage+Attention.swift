extension HTMLPage {
  /// What some samples attend to.
  var attention: PageSection {
    let lead =
      "The attention weights that the reference recorded, for the first samples and for the one with the worst value of "
      + "the stage. They show whether the model attends to something, and what a mask leaves out."
    let all = report.stages.map(\.name).filter { name in report.attention.contains { $0.stage == name } }
    guard !all.isEmpty else {
      let isDrawn = !allFigures.isEmpty
      return PageSection(
        "attention", "Attention weights", lead: lead,
        [isDrawn ? .absence("No stage is a softmax over the positions of a sample.") : Self.notDrawn])
    }
    let shown = Array(all.prefix(4))
    var body: [Markup] = []
    for (number, stage) in shown.enumerated() {
      body.append(Markup("h3", [:], .text("Stage \(stage)")))
      let samples = report.attention.filter { $0.stage == stage }
      let pictures = samples.enumerated().map { index, sample in
        let id = "attention-\(number)-\(index)"
        return Markup(
          "div", [:], sample.weights.rowCount == 1 ? bars(sample, id) : map(sample, id),
          .disclosed("The numbers", table(sample)))
      }
      body.append(Markup("div", ["class": "maps"], all: pictures))
    }
    if all.count > shown.count {
      body.append(.paragraph("\(all.count - shown.count) further stages are a softmax over positions, too."))
    }
    return PageSection("attention", "Attention weights", lead: lead, body)
  }

  private func name(_ sample: AttentionSample) -> String {
    "case \(sample.caseName), sample \(sample.sample)" + (sample.isWorst ? " (the worst)" : "")
  }

  private func bars(_ sample: AttentionSample, _ id: String) -> Markup {
    let weights = sample.weights
    let values = (0..<weights.columns).map { weights[0, $0] ?? 0 }
    let top = max(1e-6, values.filter(\.isFinite).max() ?? 1)
    var plot = Plot(
      Drawing(
        id, title: "Attention weights of \(name(sample))",
        description: "\(weights.columnCount) positions; the largest weight is \(numeral(top)).", width: 416,
        height: 190), x: 0...Double(weights.columns), y: 0...top * 1.06, left: 64, top: 30)
    plot.axisAtLeft(.linear(0...top * 1.06, atMost: 5), "weight")
    plot.drawing.text(name(sample), x: plot.x.start, y: 18, style: "strong")
    for (position, value) in values.enumerated() {
      let (left, right) = (plot.x(Double(position)), plot.x(Double(position + 1)))
      let height = plot.y(value.isFinite ? value : top)
      plot.drawing.rectangle(
        value.isFinite ? "bar" : "hatched", x: left + 1, y: height, width: max(1, right - left - 2),
        height: plot.y.start - height)
    }
    let step = weights.columnStep
    let labels = Ticks.linear(0...Double(max(1, weights.columns - 1)), atMost: 10).values.filter {
      $0 == $0.rounded() && Int($0) < weights.columns
    }
    plot.drawing.line("axis", plot.x.start, plot.y.start, plot.x.end, plot.y.start)
    for label in labels {
      plot.drawing.text(
        "\(Int(label) * step)", x: plot.x(label + 0.5), y: plot.y.start + 18, anchor: "middle", style: "tick")
    }
    plot.drawing.text(
      "position", x: (plot.x.start + plot.x.end) / 2, y: plot.y.start + 38, anchor: "middle", style: "axis-title")
    return plot.drawing.markup
  }

  private static let shares = Shades(
    limits: [0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7],
    labels: ["0", "≤ 0.01", "0.05", "0.1", "0.2", "0.4", "0.7", "1"])

  private func map(_ sample: AttentionSample, _ id: String) -> Markup {
    let map = sample.weights
    let width = min(22, 336 / Double(map.columns))
    let height = min(width, max(4, 280 / Double(map.rows)))
    var drawing = Drawing(
      id, title: "Attention weights of \(name(sample))",
      description: "\(map.rowCount) rows of heads and queries by \(map.columnCount) positions.", width: 416,
      height: Double(map.rows) * height + 92)
    drawing.text(name(sample), x: 64, y: 16, style: "strong")
    drawing.legend(Self.shares.samples, x: 64, y: 38, spacing: 8)
    drawing.cells(map, Self.shares, x: 64, y: 52, cell: (width, height))
    let (right, below) = (64 + Double(map.columns) * width, 52 + Double(map.rows) * height)
    drawing.text("0", x: 58, y: 62, anchor: "end", style: "tick")
    if map.rowCount > 1 { drawing.text("\(map.rowCount - 1)", x: 58, y: below, anchor: "end", style: "tick") }
    drawing.text("0", x: 64, y: below + 16, style: "tick")
    drawing.text("\(map.columnCount - 1)", x: right, y: below + 16, anchor: "end", style: "tick")
    drawing.text("position", x: (64 + right) / 2, y: below + 32, anchor: "middle", style: "axis-title")
    drawing.text("head, query", x: 16, y: (52 + below) / 2, anchor: "middle", style: "axis-title", turned: true)
    return drawing.markup
  }

  private func table(_ sample: AttentionSample) -> Markup {
    let map = sample.weights
    let steps = map.rowStep * map.columnStep > 1 ? "; each number is the largest of several" : ""
    return Table(
      caption: "Weights of \(name(sample))\(steps)",
      head: ["row"] + (0..<map.columns).map { "\($0 * map.columnStep)" },
      rows: (0..<map.rows).map { row in
        ["\(row * map.rowStep)"] + (0..<map.columns).map { .value(map[row, $0]) }
      }
    ).markup
  }
}
