internal import TensorFerryTensors

extension HTMLPage {
  /// The verdict, what it means, and what was compared.
  var headline: Markup {
    let verdict = report.verdict
    let reference = report.file.map { " against \($0)" } ?? ""
    var parts: [Markup] = [
      Markup("p", ["class": "subject"], .text("Parity of \(report.model)\(reference)")),
      Markup("h1", [:], Markup("span", [:], .text("\(verdict.symbol) \(verdict.rawValue)"))),
      .paragraph(verdict.plainly),
    ]
    if verdict == .mismatchProven { parts.append(.paragraph("Who is off: \(report.blame.sentence).")) }
    if let diagnosis = report.diagnosis {
      parts.append(
        .paragraph("\(diagnosis.isConfident ? "The cause" : "The cause is not certain"): \(diagnosis.sentence)."))
    }
    if let divergence { parts.append(divergence) }
    return .fragment([Markup("div", ["class": "verdict \(verdict.tone)"], all: parts), tiles])
  }

  private var divergence: Markup? {
    guard let stage = report.firstDivergence, let worst = stage.deciding.worst else { return nil }
    return Table(
      caption: "First divergence: stage \(stage.name), certificate \(stage.deciding.kind.rawValue)",
      head: ["case", "element", "reference", "ours", "oracle", "difference", "bound", "times the bound"],
      rows: [
        [
          "\(worst.caseName)", "\(place(worst.index))", .number(ParityReport.precise(worst.reference)),
          .number(worst.ours.map(ParityReport.precise) ?? "not recorded"), .number(ParityReport.precise(worst.oracle)),
          .value(worst.difference), .value(worst.bound), .value(worst.utilisation),
        ]
      ]
    ).markup
  }

  private var tiles: Markup {
    var tiles = [
      ("cases", grouped(report.caseCount)), ("stages", grouped(report.stages.count)),
      ("values compared", grouped(report.compared)),
    ]
    if !report.identity.isEmpty {
      let (proven, total) = (report.identity.map(\.proven).reduce(0, +), report.identity.map(\.total).reduce(0, +))
      tiles.append(("parameters proven equal", "\(grouped(proven)) of \(grouped(total))"))
    }
    if let decisions = report.decisions, decisions.total > 0 {
      let isOpen = decisions.undecided == decisions.total
      tiles.append(
        ("same class for certain", isOpen ? "undecided" : "\(grouped(decisions.equal)) of \(grouped(decisions.total))"))
    }
    if let selfTest = report.selfTest {
      tiles.append(("corruptions exposed", "\(grouped(selfTest.killed)) of \(grouped(selfTest.total))"))
    }
    return Markup(
      "dl", ["class": "tiles"],
      all: tiles.map { Markup("div", [:], Markup("dt", [:], .text($0.0)), Markup("dd", [:], .text($0.1))) })
  }
}

extension Verdict {
  /// A shape beside the colour.
  var symbol: String {
    switch self {
    case .identical: "="
    case .typical, .explained: "✓"
    case .inconclusive: "?"
    case .mismatchProven: "✕"
    }
  }

  /// The class of the style sheet: for a box, for text.
  var tone: String { isParity ? "good" : self == .inconclusive ? "open" : "bad" }
  var textTone: String { isParity ? "pass" : self == .inconclusive ? "doubt" : "fail" }

  fileprivate var plainly: String {
    switch self {
    case .identical:
      "Parity. Every float32 value of the two sides is the same bit for bit, and the float64 values prove the weights."
    case .typical:
      "Parity. Rounding explains every difference, and each is of the size that rounding usually has."
    case .explained:
      "Parity. The two sides differ, and rounding explains every difference: no tolerance was chosen."
    case .inconclusive:
      "Neither parity nor its opposite is shown: evidence is missing, or a number is not finite. The stages say what."
    case .mismatchProven:
      "No parity. At least one difference is larger than any rounding of a correct computation could make it."
    }
  }
}
