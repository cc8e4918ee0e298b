internal import TensorFerryTensors

extension HTMLPage {
  /// Which parameters are proven to have the reference's bits.
  var parameters: PageSection {
    let lead =
      "How many elements of each parameter are proven to have the very bits that the reference's had, from what its linear "
      + "stages gave in float64."
    guard !report.identity.isEmpty else {
      return PageSection(
        "parameters", "Bits of the parameters", lead: lead,
        [.absence("No proof was asked for, or the model has no linear stage.")])
    }
    let rows = report.identity.map { entry -> [Table.Cell] in
      let difference = entry.firstDifference.map {
        "\(place($0.index)) is \($0.ours) here, \(Float($0.reference)) in the reference"
      }
      return [
        "\(entry.parameter)", .count(entry.total), .count(entry.proven),
        entry.different == 0
          ? .count(0) : .markup(Markup("span", ["class": "fail"], .text("✕ \(grouped(entry.different))"))),
        "\([difference, entry.reason].compactMap { $0 }.joined(separator: "; "))",
      ]
    }
    return PageSection(
      "parameters", "Bits of the parameters", lead: lead,
      [
        Table(
          caption: "Parameters", head: ["parameter", "elements", "proven equal", "proven different", "remark"],
          rows: rows
        ).markup
      ])
  }

  /// What the verdict rests on.
  var provenance: PageSection {
    var body: [Markup] = []
    func add(_ title: String, _ key: String, absent: String) {
      body.append(Markup("h3", [:], .text(title)))
      let objects = json[key]?.array ?? []
      body.append(objects.isEmpty ? .absence(absent) : Self.table(title, objects))
    }
    add("Assumptions", "assumptions", absent: "The report lists none; docs/explanation/parity.md tells them.")
    add("Files", "inputs", absent: "The report names no files with their hashes.")
    if let tolerance = json["tolerance"], tolerance.members != nil {
      body.append(Markup("h3", [:], "Tolerance that was asked for as well"))
      body.append(Self.table("Tolerance", Self.rows(of: tolerance, "")))
    }
    body.append(Markup("h3", [:], "How the reference was recorded"))
    let manifest = Self.rows(of: report.manifest, "")
    body.append(
      manifest.isEmpty ? .absence("Its manifest is empty.") : Self.table("Manifest of the reference", manifest))
    return PageSection(
      "provenance", "Ledger and provenance",
      lead: "What the verdict assumes, which files were compared, and how the reference came about.", body)
  }

  /// The members of an object and of those in it, by their paths.
  private static func rows(of object: JSONValue, _ prefix: String) -> [JSONValue] {
    (object.members ?? []).flatMap { member -> [JSONValue] in
      let path = prefix + member.key
      // A manifest is at most two objects deep where we write it; deeper ones are shown as they are.
      if member.value.members?.isEmpty == false, prefix.isEmpty { return rows(of: member.value, path + ".") }
      return [["name": .string(path), "value": .string(String(plain(member.value).prefix(400)))]]
    }
  }
}
