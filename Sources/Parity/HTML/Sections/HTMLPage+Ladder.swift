extension HTMLPage {
  /// One row for each stage, one mark for each certificate.
  var ladder: PageSection {
    let chunks = stride(from: 0, to: report.stages.count, by: 20).map {
      Array(report.stages[$0..<min($0 + 20, report.stages.count)])
    }
    let pictures = chunks.enumerated().map { number, stages in
      picture(stages, id: "ladder-\(number)", part: chunks.count > 1 ? " (part \(number + 1) of \(chunks.count))" : "")
    }
    let remarks = report.stages.flatMap { stage in stage.remarks.map { "\(stage.name): \($0)" } }
    let list =
      remarks.isEmpty
      ? []
      : [
        Markup.disclosed(
          "Remarks (\(remarks.count))",
          Markup("ul", [:], all: remarks.prefix(100).map { Markup("li", [:], .text($0)) }),
          remarks.count > 100 ? .paragraph("and \(remarks.count - 100) further remarks") : .fragment([]))
      ]
    return PageSection(
      "stages", "Stages",
      lead:
        "How much of its rounding bound each stage uses, at its worst value, on a logarithmic scale. Each stage gets "
        + "the reference's own input, so a difference shows where it arises. Left of the proof line rounding explains "
        + "it; right of it nothing does.",
      pictures + list + [.disclosed("The numbers", table)])
  }

  private func picture(_ stages: [StageReport], id: String, part: String) -> Markup {
    let all = report.stages.flatMap(\.certificates).compactMap(\.worst?.utilisation).filter { $0 > 0 }.map(decade)
    let low = max(-18, min(-4, (all.min() ?? 0).rounded(.down)))
    let high = min(18, max(1, (all.max() ?? 0).rounded(.up)))
    let height = 66 + 30 * Double(stages.count)
    let worst = stages.map(\.verdict).max() ?? .inconclusive
    let drawing = Drawing(
      id, title: "Utilisation of the bound by stage\(part)",
      description: "\(stages.count) stages, the worst verdict among them \(worst.rawValue); the table below has the "
        + "numbers.", height: height)
    var plot = Plot(
      drawing, x: low...high, y: 0...1, left: 262, top: 26, right: 176, bottom: 40)
    let (x, y) = (plot.x, plot.y)
    plot.drawing.rectangle("band-good", x: x.start, y: y.end, width: x(0) - x.start, height: y.start - y.end)
    plot.drawing.rectangle("band-bad", x: x(0), y: y.end, width: x.end - x(0), height: y.start - y.end)
    plot.axisBelow(.decades(low...high, atMost: 9), "difference / bound")
    plot.drawing.text("0", x: x.start - 26, y: y.start + 18, anchor: "middle", style: "tick")
    plot.drawing.line("proof", x(0), y.end - 6, x(0), y.start)
    plot.drawing.text("proof line", x: x(0), y: y.end - 10, anchor: "middle", style: "fail")
    for (index, kind) in Certificate.Kind.allCases.enumerated() {
      let left = 12 + 84 * Double(index)
      plot.drawing.mark(Mark(kind), x: left, y: 12, hint: kind.meaning)
      plot.drawing.text(kind.rawValue, x: left + 9, y: 16, style: "tick")
    }
    for (index, stage) in stages.enumerated() {
      row(stage, at: y.end + 30 * Double(index) + 15, &plot)
    }
    return plot.drawing.markup
  }

  private func row(_ stage: StageReport, at middle: Double, _ plot: inout Plot) {
    let x = plot.x
    plot.drawing.line("grid", 8, middle + 15, plot.drawing.width - 8, middle + 15)
    plot.drawing.text(
      stage.name.escapedForDrawing.elided(to: 34), x: x.start - 42, y: middle + 4, anchor: "end", full: stage.name)
    for (index, certificate) in stage.certificates.enumerated() {
      let y = middle + 8 * Double(index - 1)
      let hint = "\(stage.name), \(certificate.kind.rawValue): \(numeral(certificate.utilisation))"
      if certificate.compared == 0 { continue }
      if certificate.utilisation.isNaN {
        plot.drawing.text("?", x: x.end + 8, y: y + 4, style: "doubt", full: hint)
      } else if certificate.utilisation == 0 {
        plot.drawing.mark(Mark(certificate.kind), x: x.start - 26, y: y, size: 4, hint: hint + " (no difference)")
      } else {
        plot.drawing.mark(
          Mark(certificate.kind), x: x(decade(certificate.utilisation)), y: y, hint: hint)
      }
    }
    plot.drawing.text(
      "\(stage.verdict.symbol) \(stage.verdict.rawValue)", x: x.end + 22, y: middle + 4,
      style: stage.verdict.textTone)
  }

  private var table: Markup {
    let rows = report.stages.flatMap { stage in
      stage.certificates.map { certificate -> [Table.Cell] in
        [
          "\(stage.name)", "\(certificate.kind.rawValue)", .count(certificate.compared),
          .value(certificate.compared == 0 ? nil : certificate.largestDifference), .value(certificate.worst?.bound),
          .value(certificate.worst?.utilisation),
          .markup(Markup("span", ["class": stage.verdict.textTone], .text(stage.verdict.rawValue))),
        ]
      }
    }
    return Table(
      caption: "The worst value of each stage and certificate",
      head: ["stage", "certificate", "values", "max difference", "bound", "utilisation", "stage's verdict"],
      rows: rows, limit: 600
    ).markup
  }
}

extension Certificate.Kind {
  var meaning: String {
    switch self {
    case .weights: "the reference's float64 values against the oracle: they prove the weights"
    case .reference: "the reference's float32 values against the oracle: they prove its arithmetic"
    case .engine: "our float32 values against the oracle: they prove this engine"
    }
  }
}
