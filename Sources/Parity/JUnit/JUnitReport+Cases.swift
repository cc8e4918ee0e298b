internal import TensorFerryTensors

extension JUnitReport {
  /// One for each stage and certificate, whether or not there was something to compare.
  var stageCases: [JUnitCase] {
    report.stages.flatMap { stage in
      stage.certificates.map { certificate in
        JUnitCase(
          group: stage.name, name: certificate.kind.rawValue, outcome: outcome(of: certificate, stage),
          output: certificate.holds ? [Self.numbers(certificate)] : [])
      }
    }
  }

  private func outcome(of certificate: Certificate, _ stage: StageReport) -> JUnitCase.Outcome {
    if certificate.isRefuted, let worst = certificate.worst {
      let blame = Blame(reference: certificate.kind != .engine, engine: certificate.kind == .engine)
      return .failed(
        "stage '\(stage.name)': \(blame.sentence)",
        details: [
          "case \(worst.caseName), element \(worst.index)",
          "reference \(worst.reference), ours \(worst.ours.map { "\($0)" } ?? "not recorded"), oracle \(worst.oracle)",
          Self.numbers(certificate),
        ])
    }
    if certificate.holds, certificate.kind == .weights || stage.gaps.isEmpty { return .passed }
    let missing = certificate.kind == .weights ? stage.notes : stage.gaps
    // Without float64 a stage is still explained by its float32 values.
    if certificate.kind == .weights, certificate.compared == 0, !missing.isEmpty, stage.verdict.isParity {
      return .passed
    }
    let remarks = missing.isEmpty ? stage.remarks : missing
    return .undecided(remarks.first ?? "the evidence does not suffice", details: Array(remarks.dropFirst().prefix(20)))
  }

  private static func numbers(_ certificate: Certificate) -> String {
    guard let worst = certificate.worst else { return "nothing was compared" }
    return
      "\(certificate.compared) values; at worst the difference \(worst.difference) is \(worst.utilisation) times the "
      + "bound \(worst.bound)"
  }

  /// One for each parameter of which some element is told.
  var identityCases: [JUnitCase] {
    report.identity.map { entry in
      let sum = "\(entry.proven) of \(entry.total) elements are proven equal bit for bit"
      guard entry.different > 0 else {
        return JUnitCase(
          group: "identity", name: entry.parameter, outcome: .passed, output: [sum] + [entry.reason].compactMap { $0 })
      }
      let first = entry.firstDifference.map { "element \($0.index) is \($0.ours), in the reference \($0.reference)" }
      return JUnitCase(
        group: "identity", name: entry.parameter,
        outcome: .failed(
          "parameter '\(entry.parameter)': \(entry.different) of \(entry.total) elements are proven to differ",
          details: [first].compactMap { $0 } + [sum]))
    }
  }

  var decisionCases: [JUnitCase] {
    guard let decisions = report.decisions else { return [] }
    let counts =
      "of \(decisions.total) samples \(decisions.equal) are equal whatever the rounding, \(decisions.ties) ties inside "
      + "rounding, \(decisions.different) proven different, \(decisions.undecided) undecided"
    let outcome: JUnitCase.Outcome =
      if decisions.different > 0 {
        .failed(
          "\(decisions.different) of \(decisions.total) samples have another class",
          details: decisions.differing.map {
            "case \($0.caseName), sample \($0.index): reference \($0.reference), ours \($0.ours), oracle \($0.oracle)"
          })
      } else {
        .passed
      }
    return [
      JUnitCase(
        group: "decisions", name: "top-1", outcome: outcome, output: [counts] + [decisions.obstacle].compactMap { $0 })
    ]
  }

  /// What a reference cannot see is no fault of the model, so this tells and does not fail.
  var coverageCases: [JUnitCase] {
    guard let coverage = report.coverage else { return [] }
    let gaps = coverage.parts.flatMap { part in
      part.gaps.map { "\(part.description): \($0.reason)" + ($0.remedy.map { "; add \($0)" } ?? "") }
    }
    return [
      JUnitCase(
        group: "coverage", name: "coverage", outcome: .passed,
        output: [
          "a change of one ulp would be proven for \(coverage.withinUlp) of \(coverage.elementCount) parameters, some "
            + "change for \(coverage.exposed)"
        ] + gaps.prefix(40))
    ]
  }

  /// One for each class of corruptions; what is missed is told, and no failure of the model.
  var selfTestCases: [JUnitCase] {
    (report.selfTest?.classes ?? []).map { entry in
      JUnitCase(
        group: "self-test", name: "self-test:\(entry.name)", outcome: .passed,
        output: ["\(entry.killed) of \(entry.total) are exposed"]
          + entry.missed.prefix(20).map { "missed: \($0.target) at stage '\($0.stage)'" })
    }
  }
}
