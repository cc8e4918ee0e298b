internal import TensorFerryTensors

extension HTMLPage {
  /// Which faults would explain what was found, and which would not; from the member `diagnosis` of the report.
  var causes: PageSection {
    let lead =
      "What could be wrong: each hypothesis is a fault that was undone in memory, and judged again. One that brings the "
      + "utilisation to 1 or below explains the difference; the others are refuted."
    guard let diagnosis = json["diagnosis"], diagnosis.members != nil else {
      return PageSection(
        "causes", "Causes", lead: lead,
        [
          .absence(
            report.verdict == .mismatchProven
              ? "No cause was looked for."
              : "No stage is refuted, so there is no cause to look for.")
        ])
    }
    var body: [Markup] = []
    if let cause = diagnosis["sentence"]?.string {
      let certainty = diagnosis["confident"]?.bool == true ? "The cause" : "The likeliest cause, not certain"
      body.append(Markup("p", [:], Markup("strong", [:], .text("\(certainty): \(cause)"))))
    }
    let hypotheses = diagnosis["hypotheses"]?.array ?? []
    body.append(
      hypotheses.isEmpty ? .absence("No hypothesis applies to the stage.") : hypothesisTable(hypotheses))
    for entry in diagnosis["tomography"]?.array ?? [] {
      let caption =
        "\(Self.plain(entry["parameter"])): \(Self.plain(entry["differing"])) of \(Self.plain(entry["solved"])) elements "
        + "differ, the first of them with what the reference was made with"
      body.append(Self.table(caption, entry["elements"]?.array ?? []))
    }
    body += ["notes", "omitted"].flatMap { diagnosis[$0]?.array ?? [] }.map { .absence(Self.plain($0)) }
    return PageSection("causes", "Causes", lead: lead, body)
  }

  private func hypothesisTable(_ hypotheses: [JSONValue]) -> Markup {
    Table(
      caption: "Hypotheses: utilisation before and after undoing the fault",
      head: ["hypothesis", "stage", "parameter", "place", "whose fault", "before", "after", "outcome"],
      rows: hypotheses.map { hypothesis in
        let explains = hypothesis["explains"]?.bool == true
        let title = hypothesis["title"]?.string ?? hypothesis["id"]?.string ?? ""
        let name: Markup = explains ? .text(title) : Markup("s", [:], .text(title))
        return [.markup(name)]
          + ["stage", "parameter", "place", "fault"].map { .text(Self.plain(hypothesis[$0])) }
          + ["before", "after"].map { .number(Self.plain(hypothesis[$0])) } + [
            .markup(
              Markup("span", ["class": explains ? "pass" : "doubt"], .text(explains ? "✓ explains it" : "✕ refuted")))
          ]
      }
    ).markup
  }

  /// A table of objects, with a column for each of their members.
  static func table(_ caption: String, _ objects: [JSONValue]) -> Markup {
    var keys: [String] = []
    for object in objects {
      for member in object.members ?? [] where !keys.contains(member.key) { keys.append(member.key) }
    }
    return Table(
      caption: caption, head: keys.map { $0.split(separator: "_").joined(separator: " ") },
      rows: objects.map { object in keys.map { .text(plain(object[$0])) } }
    ).markup
  }

  /// A value of JSON as a reader wants it.
  static func plain(_ value: JSONValue?) -> String {
    switch value {
    case nil, .null: "–"
    case .string(let text): text
    case .bool(let value): value ? "yes" : "no"
    case .number(let value): numeral(value)
    case .some(let value): value.text()
    }
  }
}
