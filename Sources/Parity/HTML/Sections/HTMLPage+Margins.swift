extension HTMLPage {
  /// Whether the class of each sample hangs on rounding.
  var margins: PageSection {
    let lead =
      "For each sample, by how much its class leads the one that comes closest, against how far rounding could move the "
      + "two. Above the line the class is the same for every program that rounds so; below it is a tie."
    guard let decisions = report.decisions else {
      return PageSection(
        "decisions", "Class of each sample", lead: lead,
        [.absence("The model is no classifier, or its decisions were not asked for.")])
    }
    let closest = decisions.closest
    guard !closest.isEmpty else {
      let reason = decisions.obstacle ?? "no sample has finite logits and bounds"
      return PageSection(
        "decisions", "Class of each sample", lead: lead,
        [.absence("None of \(decisions.total) samples is decided: \(reason)."), summary(decisions)])
    }
    let kept =
      closest.count < decisions.total
      ? "Drawn are the \(closest.count) of \(decisions.total) samples that come closest." : ""
    return PageSection(
      "decisions", "Class of each sample", lead: lead,
      [picture(closest), summary(decisions)] + (kept.isEmpty ? [] : [.paragraph(kept)])
        + [.disclosed("The numbers", table(closest))])
  }

  private func picture(_ samples: [Decisions.Margin]) -> Markup {
    func span(_ values: [Double]) -> ClosedRange<Double> {
      let decades = values.filter { $0 > 0 }.map(decade)
      let low = max(-60, (decades.min() ?? 0).rounded(.down))
      return low...max(low + 1, min(60, (decades.max() ?? 1).rounded(.up)))
    }
    let x = span(samples.map(\.bound))
    let heights = span(samples.map(\.margin))
    let y = min(heights.lowerBound, x.lowerBound)...max(heights.upperBound, x.upperBound)
    var plot = Plot(
      Drawing(
        "margin-picture", title: "Margin of each sample against its bound",
        description:
          "\(samples.count) samples, of which \(samples.count { $0.outcome == .tie || $0.outcome == .exact }) lie inside rounding and "
          + "\(samples.count { $0.outcome == .different }) differ.", height: 420), x: x, y: y, top: 30)
    plot.axisBelow(.decades(x), "what rounding may take")
    plot.axisAtLeft(.decades(y), "margin of the class")
    plot.diagonal(above: "band-good")
    for (index, (mark, label)) in [(Mark.equal, "equal"), (.tie, "inside rounding"), (.different, "different")]
      .enumerated()
    {
      plot.drawing.mark(mark, x: 90 + 100 * Double(index), y: 12, hint: label)
      plot.drawing.text(label, x: 100 + 100 * Double(index), y: 16, style: "tick")
    }
    for sample in samples.reversed() {
      let mark: Mark =
        switch sample.outcome {
        case .equal: .equal
        case .exact, .tie: .tie
        case .different: .different
        }
      plot.drawing.mark(
        mark, x: plot.x(decade(sample.bound)), y: plot.y(decade(sample.margin)),
        hint: "case \(sample.caseName), sample \(sample.index)")
    }
    return plot.drawing.markup
  }

  private func summary(_ decisions: Decisions) -> Markup {
    let rows: [[Table.Cell]] = [
      ["equal whatever the rounding", .count(decisions.equal)], ["ties inside rounding", .count(decisions.ties)],
      ["proven different", .count(decisions.different)], ["undecided", .count(decisions.undecided)],
    ]
    return Table(caption: "Samples by outcome", head: ["outcome", "samples"], rows: rows).markup
  }

  private func table(_ samples: [Decisions.Margin]) -> Markup {
    Table(
      caption: "Samples, the closest first", head: ["case", "sample", "margin", "bound", "margin / bound", "outcome"],
      rows: samples.map {
        [
          "\($0.caseName)", .number("\($0.index)"), .value($0.margin), .value($0.bound), .value($0.certainty),
          "\($0.outcome.rawValue)",
        ]
      }, limit: 100
    ).markup
  }
}
