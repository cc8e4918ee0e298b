internal import TensorFerryTensors

extension ParityReport {
  var coverageMembers: [JSONValue.Member] { coverage.map { [.init("coverage", $0.json)] } ?? [] }

  /// At most four lines: how much is covered, what the output does not show, what the cases do not, and what nothing
  /// shows.
  var coverageLines: [String] {
    guard let coverage else { return [] }
    var first =
      "coverage  a change of one ulp would be proven for \(coverage.withinUlp) of \(coverage.elementCount) parameters"
    if let quantiles = coverage.quantiles {
      first += ", any above \(Self.short(quantiles.largest)) for \(coverage.exposed)"
    }
    if let (part, gap) = coverage.parts.lazy.compactMap({ part in part.beyondUlp.first.map { (part, $0) } }).first {
      let others = coverage.exposed - coverage.withinUlp - gap.count
      first += "; not of one ulp: \(part.description) \(gap.count) \(gap.reason)"
      if others > 0 { first += ", and \(others) others" }
    }
    let shown = coverage.parts.filter { !$0.shownByProbes.isEmpty }
    return [first]
      + Self.line("  not seen in the output", coverage.invisible.map { ($0, $0.gaps.first) })
      + Self.line("  shown by probes alone", shown.map { ($0, $0.shownByProbes.first?.withoutRemedy) })
      + Self.line("  blind", coverage.blind.map { ($0, $0.gaps.last) })
  }

  private static func line(_ title: String, _ parts: [(Coverage.Part, Coverage.Gap?)]) -> [String] {
    guard let (_, gap) = parts.first, let gap else { return [] }
    let alike = parts.filter { $0.1?.reason == gap.reason }
    let names = alike.prefix(3).map { $0.0.description }.joined(separator: ", ") + (alike.count > 3 ? ", ..." : "")
    let others = parts.count - alike.count
    let add = gap.remedy.map { "; add \($0)" } ?? ""
    return ["\(title): \(names): \(gap.reason)\(add)" + (others == 0 ? "" : "; \(others) others, see --json")]
  }
}

extension Coverage.Gap {
  fileprivate var withoutRemedy: Coverage.Gap { .init(count: count, reason: reason, remedy: nil) }
}

extension Coverage.Part {
  /// The name, and which rows if they are not all.
  var description: String {
    guard elements.count < shape.elementCount, let rows = shape.dimensions.first, rows > 0 else { return parameter }
    let size = shape.elementCount / rows
    return "\(parameter)[\(elements.lowerBound / size)..<\(elements.upperBound / size)]"
  }
}

extension Coverage {
  fileprivate var json: JSONValue {
    [
      "elements": JSONValue(elementCount),
      "exposed": JSONValue(exposed),
      "within_ulp": JSONValue(withinUlp),
      "delta_min": quantiles.json,
      "parts": .array(parts.map(\.json)),
    ]
  }
}

extension Coverage.Part {
  fileprivate var json: JSONValue {
    [
      "parameter": .string(parameter),
      "shape": JSONValue(shape),
      "elements": [JSONValue(elements.lowerBound), JSONValue(elements.upperBound)],
      "stage": .string(stage),
      "certificate": JSONValue(certificate?.rawValue),
      "exposed": JSONValue(exposed),
      "within_ulp": JSONValue(withinUlp),
      "delta_min": Coverage.Quantiles(changes).json,
      "influences_output": .bool(influencesOutput),
      "gaps": .array(gaps.map(\.json)),
      "shown_by_probes": .array(shownByProbes.map(\.json)),
      "beyond_ulp": .array(beyondUlp.map(\.json)),
    ]
  }
}

extension Coverage.Gap {
  fileprivate var json: JSONValue {
    ["elements": JSONValue(count), "reason": .string(reason), "remedy": JSONValue(remedy)]
  }
}

extension Coverage.Quantiles? {
  fileprivate var json: JSONValue {
    guard let self else { return .null }
    return ["median": .number(self.median), "p99": .number(self.p99), "max": .number(self.largest)]
  }
}
