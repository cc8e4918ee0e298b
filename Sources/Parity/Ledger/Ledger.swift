internal import TensorFerryOperators
internal import TensorFerryTensors

/// Draws up what a verdict takes for granted, from the manifest and from what was compared.
struct Ledger {
  private let report: ParityReport
  private let graph: StageGraph

  init(_ report: ParityReport, _ graph: StageGraph) {
    self.report = report
    self.graph = graph
  }

  var assumptions: [Assumption] { [precision, order, exponential, overflow, underflow, chain] }

  private var precision: Assumption {
    let statement = "Every sum and product of PyTorch is rounded to nearest, in float32 or in something more precise."
    func entry(_ status: Assumption.Status, _ evidence: String) -> Assumption {
      Assumption(id: "A1", statement: statement, status: status, evidence: evidence)
    }
    let lowered = Self.settings.compactMap { setting -> String? in
      guard let value = text(setting.key), !setting.full.contains(value) else { return nil }
      return "\(setting.key) is '\(value)'"
    }
    guard lowered.isEmpty else {
      return entry(
        .violated,
        "the manifest says that \(lowered.joined(separator: " and ")): matrix products may be taken from numbers of 8 or "
          + "11 bits, which the bounds do not allow for; record again with float32_matmul_precision 'highest'")
    }
    guard let precision = text("matmul_precision") else {
      return entry(.assumed, "the manifest does not tell the precision of matrix products")
    }
    guard text("device") == "cpu" else {
      return entry(
        .assumed, "matrix products have the precision '\(precision)', on device '\(text("device") ?? "not told")'")
    }
    return entry(
      .checked, "the manifest says: matmul_precision '\(precision)', device 'cpu'; the recorder switches autocast off")
  }

  /// What lowers the precision of matrix products, and the values that do not.
  private static let settings: [(key: String, full: [String])] = [
    ("matmul_precision", ["highest"]), ("fp32_precision", ["none", "ieee"]), ("autocast", ["false"]),
  ]

  private var order: Assumption {
    Assumption(
      id: "A2",
      statement: "Sums are taken in another order, in lanes, blocks or with fused products, and in no other way: no "
        + "Strassen or Winograd, no numbers split into less precise parts.",
      status: .assumed,
      evidence: [
        text("blas", "name").map { "BLAS is \($0)" }, text("cpu_capability").map { "kernels are for \($0)" },
        text("threads").map { "\($0) thread(s)" }, "no library tells how it multiplies",
      ].compactMap { $0 }.joined(separator: ", "))
  }

  private var exponential: Assumption {
    let stages = graph.stages.filter {
      $0.operation is Softmax || $0.operation is MaskedSoftmax || $0.operation is GELU
    }
    let statement =
      "An exponential is good to \(ParityReport.short(Rounding.float32.expUlps)) unit of the last place, an error "
      + "function to \(ParityReport.short(Rounding.float32.erfUnits)) units of 1."
    guard !stages.isEmpty else {
      return Assumption(id: "A3", statement: statement, status: .checked, evidence: "no stage takes one")
    }
    let hold = stages.allSatisfy { stage in self.report(of: stage)?.certificates.allSatisfy(\.holds) ?? false }
    return Assumption(
      id: "A3", statement: statement, status: .assumed,
      evidence: "documented of the libraries that PyTorch and this engine call"
        + (hold ? "; all values of \(stages.count) stage(s) that take one agree with it" : ""))
  }

  private var overflow: Assumption {
    let statement = "Nothing overflows on the way to a result."
    let nonfinite = report.stages.first { $0.certificates.contains { $0.nonfinite > 0 } }
    if let nonfinite {
      let count = nonfinite.certificates.map(\.nonfinite).max() ?? 0
      return Assumption(
        id: "A4", statement: statement, status: .violated,
        evidence: "\(count) values of stage '\(nonfinite.name)' are not finite")
    }
    let compared = report.stages.allSatisfy { $0[.reference].compared > 0 && $0[.engine].compared > 0 }
    let unbounded = report.stages.first { stage in
      stage.certificates.contains { $0.compared > 0 && $0.utilisation.isNaN }
    }
    guard compared, unbounded == nil else {
      let why =
        unbounded.map { "stage '\($0.name)' has values without a finite bound" } ?? "not all stages are compared"
      return Assumption(id: "A4", statement: statement, status: .assumed, evidence: why)
    }
    let hasNorm = graph.stages.contains { $0.operation is LayerNorm }
    return Assumption(
      id: "A4", statement: statement, status: .checked,
      evidence: "all \(report.compared) values are finite, which an infinity on the way would show in a sum, a product "
        + "or a softmax" + (hasNorm ? "; the squares in layer norms stay below the largest number" : ""))
  }

  private var underflow: Assumption {
    let statement = "It is known what becomes of results below the smallest normal number."
    switch report.manifest["flush_denormal"]?.bool {
    case nil:
      return Assumption(
        id: "A5", statement: statement, status: .assumed,
        evidence: "the manifest does not tell; they are taken to be kept, as PyTorch does unless it is told otherwise")
    case false?:
      return Assumption(
        id: "A5", statement: statement, status: .checked, evidence: "the manifest says that they are kept")
    case true?:
      return Assumption(
        id: "A5", statement: statement, status: .checked,
        evidence:
          "the manifest says that they are flushed to 0; the bounds allow for it, and nothing is proven of stages "
          + "that take such numbers")
    }
  }

  private var chain: Assumption {
    let statement = "The recorded value of a stage is the one that the next stage took."
    func entry(_ status: Assumption.Status, _ evidence: String) -> Assumption {
      Assumption(id: "A6", statement: statement, status: status, evidence: evidence)
    }
    let returned = (report.manifest["cases"]?.array ?? []).compactMap { $0["model_output"]?.string }
    let output =
      returned.isEmpty
      ? "the manifest does not tell what the model returned"
      : "the model returned the last stage in \(returned.count) of \(report.caseCount) cases, "
        + "\(returned.count { $0 == "identical" }) of them bit for bit"
    guard report.stages.allSatisfy({ $0.gaps.isEmpty && $0[.reference].compared > 0 }), !report.stages.isEmpty else {
      return entry(.assumed, "not every stage is recorded; \(output)")
    }
    if let stage = report.stages.first(where: { !$0[.reference].holds }) {
      return entry(.assumed, "stage '\(stage.name)' does not follow from the recorded values that it takes; \(output)")
    }
    guard returned.count >= report.caseCount, report.caseCount > 0 else {
      return entry(.assumed, "each stage follows from the recorded values that it takes; \(output)")
    }
    return entry(.checked, "each stage follows from the recorded values that it takes; \(output)")
  }

  private func report(of stage: Stage) -> StageReport? { report.stages.first { $0.name == stage.name } }

  /// A value in the manifest, short and fit for a terminal.
  private func text(_ keys: String...) -> String? {
    var value = report.manifest
    for key in keys {
      guard let next = value[key], next != .null else { return nil }
      value = next
    }
    return String((value.string ?? value.text()).prefix(40)).escapedForDisplay
  }
}
