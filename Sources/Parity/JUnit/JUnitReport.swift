internal import TensorFerryTensors

/// A report as JUnit XML.
struct JUnitReport {
  let report: ParityReport

  init(_ report: ParityReport) { self.report = report }

  var source: String {
    let cases = stageCases + identityCases + decisionCases + coverageCases + selfTestCases
    let counts: (tests: String, failures: String, errors: String) = (
      "\(cases.count)", "\(cases.count { $0.outcome.isFailure })", "\(cases.count { $0.outcome.isError })"
    )
    let suite = Markup(
      "testsuite",
      [
        "name": report.file ?? report.model, "tests": counts.tests, "failures": counts.failures,
        "errors": counts.errors, "skipped": "0", "time": "0",
      ],
      all: [.verbatim("\n    "), Markup("properties", [:], all: properties)]
        + cases.flatMap { [.verbatim("\n    "), $0.markup] } + [.verbatim("\n  ")])
    let suites = Markup(
      "testsuites",
      [
        "name": "tensorferry verify", "tests": counts.tests, "failures": counts.failures, "errors": counts.errors,
        "time": "0",
      ],
      .verbatim("\n  "), suite, .verbatim("\n"))
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + suites.source + "\n"
  }

  private var properties: [Markup] {
    var pairs = [("model", report.model), ("verdict", report.verdict.rawValue), ("blame", report.blame.rawValue)]
    for stage in report.stages {
      for certificate in stage.certificates where certificate.compared > 0 {
        pairs.append(("utilisation.\(stage.name).\(certificate.kind.rawValue)", "\(certificate.utilisation)"))
      }
    }
    if let coverage = report.coverage {
      pairs.append(("coverage.within_ulp", "\(coverage.withinUlp)"))
      pairs.append(("coverage.elements", "\(coverage.elementCount)"))
    }
    if let certainty = report.decisions?.smallestCertainty {
      pairs.append(("decisions.smallest_certainty", "\(certainty)"))
    }
    if let selfTest = report.selfTest {
      pairs.append(("self_test.killed", "\(selfTest.killed)"))
      pairs.append(("self_test.total", "\(selfTest.total)"))
    }
    return pairs.flatMap {
      [.verbatim("\n      "), Markup("property", ["name": $0.0, "value": $0.1])]
    } + [.verbatim("\n    ")]
  }
}

/// One test case.
struct JUnitCase {
  enum Outcome {
    case passed
    case failed(String, details: [String])
    case undecided(String, details: [String])

    var isFailure: Bool { if case .failed = self { true } else { false } }
    var isError: Bool { if case .undecided = self { true } else { false } }
  }

  /// What the case belongs to: a stage, or a part of the report.
  let group: String
  let name: String
  let outcome: Outcome
  /// What a passing case tells.
  var output: [String] = []

  var markup: Markup {
    var children: [Markup] = []
    switch outcome {
    case .passed: break
    case .failed(let message, let details):
      children.append(
        Markup("failure", ["type": "MismatchProven", "message": message], all: Self.lines([message] + details)))
    case .undecided(let message, let details):
      children.append(Markup("error", ["type": "Undecided", "message": message], all: Self.lines([message] + details)))
    }
    if !output.isEmpty { children.append(Markup("system-out", [:], all: Self.lines(output))) }
    return Markup("testcase", ["classname": group, "name": name, "time": "0"], all: children)
  }

  private static func lines(_ lines: [String]) -> [Markup] {
    lines.flatMap { [Markup.text($0), .verbatim("\n")] }.dropLast()
  }
}
