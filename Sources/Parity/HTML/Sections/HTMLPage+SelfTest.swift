extension HTMLPage {
  /// Which corruptions of the model the reference exposes.
  var selfTest: PageSection {
    let lead =
      "The model was corrupted in memory in many ways, and each corruption judged like a model of its own. The table "
      + "counts how many were exposed: the strength of this reference, not of this model."
    guard let selfTest = report.selfTest else {
      return PageSection(
        "self-test", "Self-test", lead: lead, [.absence("None was asked for; verify --self-test makes one.")])
    }
    var body = [
      Markup.paragraph(
        "\(selfTest.killed) of \(selfTest.total) corruptions are exposed (seed \(selfTest.seed))."), matrix(selfTest),
    ]
    let missed = selfTest.classes.flatMap { entry in entry.missed.map { (entry.name, $0) } }
    if !missed.isEmpty {
      body.append(
        Table(
          caption: "What was not exposed", head: ["class", "what was changed", "stage", "size of the change"],
          rows: missed.map { ["\($0.0)", "\($0.1.target)", "\($0.1.stage)", .value($0.1.size)] }, limit: 60
        ).markup)
    }
    return PageSection("self-test", "Self-test", lead: lead, body)
  }

  private func matrix(_ selfTest: SelfTest) -> Markup {
    let stages = report.stages.map(\.name).filter { name in selfTest.classes.contains { $0.stages[name] != nil } }
    var table = Table(
      caption: "Exposed corruptions by stage and class, as exposed/made",
      head: ["stage"] + selfTest.classes.map { $0.name.split(separator: "_").joined(separator: " ") },
      rows: stages.map { stage in
        ["\(stage)"] + selfTest.classes.map { Self.cell($0.stages[stage]) }
      })
    table.rows.append(
      ["all"] + selfTest.classes.map { Self.cell(.init(total: $0.total, killed: $0.killed)) })
    return Markup("div", ["class": "matrix"], table.markup)
  }

  private static func cell(_ tally: SelfTest.Tally?) -> Table.Cell {
    guard let tally else { return "" }
    let all = tally.killed == tally.total
    return .markup(
      Markup(
        "span", ["class": all ? "pass" : "fail"], .text("\(all ? "✓" : "✕") \(tally.killed)/\(tally.total)")))
  }
}
