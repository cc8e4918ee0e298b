internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

extension ParityReport {
  /// The report for a terminal: at most 25 lines, no colour.
  public var text: String {
    let rest =
      remarkLines + divergence + diagnosisLines + identityLine + analyses + [
        "RESULT  \(verdict.rawValue)  (\(meaning))"
      ]
    return (heading + table(capacity: max(2, min(15, 22 - rest.count))) + rest).joined(separator: "\n")
  }

  private var analyses: [String] {
    ledgerLines + toleranceLines + coverageLines + decisionLines + budgetLines + selfTestLines
  }

  private var heading: [String] {
    let facts = ["torch", "blas", "threads", "matmul_precision"].compactMap { key -> String? in
      guard let value = manifest[key] else { return nil }
      let text = (value["name"] ?? value).plainText
      return key == "threads" ? "\(text) thread\(text == "1" ? "" : "s")" : "\(key.spaced) \(text)"
    }
    let source = file.map { " against \($0.escapedForDisplay)" } ?? ""
    return [
      "PARITY  \(model)\(source): \(caseCount) case\(caseCount == 1 ? "" : "s")"
        + (facts.isEmpty ? "" : ", " + facts.joined(separator: ", "))
    ]
  }

  /// Three lines for each stage where that fits; else one line each, the worst stages first.
  ///
  /// - Parameter capacity: how many lines there may be beside the head.
  private func table(capacity: Int) -> [String] {
    let width = max(20, stages.map(\.name.count).max() ?? 0)
    var lines = [Self.row(width, "stage", "certificate", "values", "max difference", "bound", "utilisation", "verdict")]
    if stages.count * 3 <= capacity {
      for stage in stages {
        for certificate in stage.certificates {
          lines.append(Self.row(width, stage, certificate, isFirst: certificate.kind == .weights))
        }
      }
      return lines
    }
    var shown = Array(stages.indices)
    if shown.count > capacity {
      let worstFirst = shown.sorted { (stages[$1].verdict, $0) < (stages[$0].verdict, $1) }
      shown = worstFirst.prefix(capacity - 1).sorted()
    }
    lines += shown.map { Self.row(width, stages[$0], stages[$0].deciding, isFirst: true) }
    if shown.count < stages.count {
      lines.append("and \(stages.count - shown.count) further stages, none of them worse")
    }
    return lines
  }

  private static func row(
    _ width: Int, _ stage: StageReport, _ certificate: Certificate, isFirst: Bool
  ) -> String {
    row(
      width, isFirst ? stage.name : "", certificate.kind.rawValue, "\(certificate.compared)",
      certificate.compared == 0 ? "-" : short(certificate.largestDifference),
      certificate.worst.map { short($0.bound) } ?? "-", certificate.worst.map { short($0.utilisation) } ?? "-",
      isFirst ? stage.verdict.rawValue : "")
  }

  /// Two columns to the left, four to the right, and the verdict.
  private static func row(_ first: Int, _ columns: String...) -> String {
    var line = ""
    for (index, width) in [first, 11, 9, 14, 10, 11].enumerated() {
      let padding = String(repeating: " ", count: max(0, width - columns[index].count))
      line += (index < 2 ? columns[index] + padding : padding + columns[index]) + "  "
    }
    line += columns[6]
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  private var remarkLines: [String] {
    let remarks =
      self.remarks + digestRemarks + stages.flatMap { stage in stage.remarks.map { "\(stage.name): \($0)" } }
    return remarks.count <= 3 ? remarks : remarks.prefix(2) + ["and \(remarks.count - 2) further remarks (see --json)"]
  }

  private var divergence: [String] {
    guard let stage = firstDivergence, let worst = stage.deciding.worst else { return [] }
    let values = "reference \(Self.precise(worst.reference)), ours \(worst.ours.map(Self.precise) ?? "not recorded")"
    let span = stage.span.isEmpty ? "" : ", or one before it that is not recorded"
    return [
      "first divergence: stage '\(stage.name)'\(span), case \(worst.caseName), element \(worst.index)"
        + " (certificate: \(stage.deciding.kind.rawValue))",
      "  \(values), oracle \(Self.precise(worst.oracle)); the difference \(Self.short(worst.difference)) is "
        + "\(Self.short(worst.utilisation)) times the bound \(Self.short(worst.bound))",
      "blame: \(stage.blame.rawValue): \(stage.blame.sentence)",
    ]
  }

  private var meaning: String {
    switch verdict {
    case .identical: "\(compared) values, the float32 ones equal bit for bit, and every certificate holds"
    case .typical:
      "\(compared) values, every difference is of the usual size for rounding: \(largestScore) deviations at most"
    case .explained: "\(compared) values, rounding explains every difference"
    case .inconclusive: "the evidence does not suffice, see the remarks"
    case .mismatchProven: "rounding does not explain every difference"
    }
  }

  static func short(_ value: Double) -> String { formatted("%.3g", value) }
  static func precise(_ value: Double) -> String { formatted("%.10g", value) }

  private static func formatted(_ format: String, _ value: Double) -> String {
    withVaList([value]) { arguments in
      var buffer = [CChar](repeating: 0, count: 40)
      let count = vsnprintf(&buffer, buffer.count, format, arguments)
      return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension String {
  fileprivate var spaced: String { String(map { $0 == "_" ? " " : $0 }) }
}

extension JSONValue {
  /// A text without its quotation marks, escaped for a terminal and short.
  fileprivate var plainText: String { String((string ?? text()).prefix(24)).escapedForDisplay }
}
