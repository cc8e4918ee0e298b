extension HTMLPage {
  /// What each stage adds to the difference in the output.
  var budget: PageSection {
    let lead =
      "How the largest difference in the output came about: what the rounding, or the error, of each stage did to it. "
      + "The contributions add up to the difference between the reference and the oracle, with nothing left over."
    guard let budget = report.budget else {
      return PageSection(
        "budget", "Budget of the output", lead: lead,
        [
          .absence(
            "There is none: the model has more than \(ReferenceBundle.longestBudget) stages, a stage is not recorded in "
              + "float32, an output is not finite, or no budget was asked for.")
        ])
    }
    guard budget.total != 0 || budget.shares.contains(where: { $0.contribution != 0 }) else {
      return PageSection(
        "budget", "Budget of the output", lead: lead, [.absence("The output does not differ from the oracle.")])
    }
    let heading = "Case \(budget.caseName), element \(place(budget.index)) of the output: \(numeral(budget.total))"
    return PageSection(
      "budget", "Budget of the output", lead: lead,
      [Markup("h3", [:], .text(heading)), picture(budget), .disclosed("The numbers", table(budget))])
  }

  private func picture(_ budget: Budget) -> Markup {
    var (running, low, high) = (0.0, min(0, budget.total), max(0, budget.total))
    for share in budget.shares {
      running += share.contribution
      (low, high) = (min(low, running), max(high, running))
    }
    let rows = Double(budget.shares.count + 1)
    var plot = Plot(
      Drawing(
        "budget-picture", title: "Waterfall of the difference in the output",
        description: "Each bar begins where the one above ends; the last is the sum, \(numeral(budget.total)).",
        height: rows * 24 + 62), x: low...high, y: 0...rows, left: 262, top: 12, right: 96)
    plot.axisBelow(.linear(low...high, atMost: 6), "difference from the oracle")
    let x = plot.x
    plot.drawing.line("axis", x(0), plot.y.start, x(0), plot.y.end)
    running = 0
    for (index, share) in (budget.shares.map { ($0.stage, $0.contribution) } + [("sum", budget.total)]).enumerated() {
      let isSum = index == budget.shares.count
      let (from, to) = isSum ? (0, budget.total) : (running, running + share.1)
      let top = plot.y.end + Double(index) * 24
      plot.drawing.text(
        share.0.escapedForDrawing.elided(to: 34), x: x.start - 10, y: top + 16, anchor: "end",
        style: isSum ? "strong" : "label", full: share.0)
      plot.drawing.rectangle(
        isSum ? "good" : share.1 < 0 ? "weights" : "reference", x: min(x(from), x(to)), y: top + 4,
        width: max(1.5, abs(x(to) - x(from))), height: 16)
      if !isSum { plot.drawing.line("connector", x(to), top + 20, x(to), top + 28) }
      plot.drawing.text(
        (share.1 > 0 ? "+" : "") + numeral(share.1), x: x.end + 8, y: top + 16, style: isSum ? "strong" : "tick")
      running = to
    }
    return plot.drawing.markup
  }

  private func table(_ budget: Budget) -> Markup {
    Table(
      caption: "Contributions to the difference in the output",
      head: ["stage", "contribution", "largest to any element in any case"],
      rows: budget.shares.map { ["\($0.stage)", .value($0.contribution), .value($0.largest)] }
        + [["sum", .value(budget.total), .value(nil)]]
    ).markup
  }
}
