internal import TensorFerryTensors

extension ParityReport {
  /// Null if nothing is refuted.
  var diagnosisMembers: [JSONValue.Member] { [.init("diagnosis", diagnosis?.json ?? .null)] }

  /// At most four lines.
  var diagnosisLines: [String] {
    guard let diagnosis, let first = diagnosis.findings.first else { return [] }
    var line = "cause: \(diagnosis.sentence)"
    let refuted = first.hypotheses.count - first.explanations.count
    if let cause = first.cause {
      line += " (utilisation \(Self.short(cause.before)) -> \(Self.short(cause.after))); fault: \(cause.fault.rawValue)"
    }
    if refuted > 0, !first.explanations.isEmpty { line += "; refuted: \(refuted) others" }
    var lines = [line]
    let others = diagnosis.findings.dropFirst()
    if !others.isEmpty {
      let alike = others.filter { first.cause != nil && $0.cause?.id == first.cause?.id }
      let place =
        alike.isEmpty ? "" : "; the same class at \(alike.count == others.count ? "all" : "\(alike.count) of them")"
      lines.append("  and \(others.count) further stage\(others.count == 1 ? "" : "s") refuted\(place), see --json")
    }
    if let tomography = first.tomography.first, let element = tomography.elements.first {
      let index = element.index.map(String.init).joined(separator: ", ")
      lines.append(
        "corrected: \(tomography.parameter.escapedForDisplay)[\(index)] is \(element.ours), the reference was made with "
          + "\(Self.precise(element.reference)) +- \(Self.short(element.radius))"
          + (tomography.differing > 1 ? "; \(tomography.differing) of \(tomography.solved) differ" : ""))
    } else if let note = first.notes.first {
      lines.append("  \(note)")
    }
    return lines
  }
}

extension Diagnosis {
  fileprivate var json: JSONValue {
    [
      "cause": JSONValue(cause.map(\.id)),
      "sentence": .string(sentence),
      "confident": .bool(isConfident),
      "hypotheses": .array(
        findings.flatMap { finding in finding.hypotheses.map { $0.json(isCause: $0 == finding.cause) } }),
      "tomography": .array(tomography.map(\.json)),
      "notes": .array(findings.flatMap { finding in finding.notes.map { .string("\(finding.stage): \($0)") } }),
      "omitted": .array(omitted.map(JSONValue.string)),
    ]
  }
}

extension Hypothesis {
  fileprivate func json(isCause: Bool) -> JSONValue {
    [
      "id": .string(id), "title": .string(title), "stage": .string(stage), "parameter": JSONValue(parameter),
      "place": JSONValue(place), "fault": .string(fault.rawValue), "before": .number(before), "after": .number(after),
      "explains": .bool(explains), "cause": .bool(isCause), "free_numbers": JSONValue(freeNumbers),
      "equivalents": .array(equivalents.map(JSONValue.string)),
    ]
  }
}

extension Tomography {
  fileprivate var json: JSONValue {
    [
      "parameter": .string(parameter), "stage": .string(stage), "certificate": .string(certificate.rawValue),
      "solved": JSONValue(solved), "differing": JSONValue(differing),
      "elements": .array(
        elements.map {
          [
            "at": .array($0.index.map { JSONValue($0) }), "ours": .number(Double($0.ours)),
            "reference": .number($0.reference), "radius": .number($0.radius),
          ]
        }),
    ]
  }
}
