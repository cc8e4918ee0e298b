internal import ArgumentParser
internal import TensorFerry

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Judges, stage by stage, whether rounding explains every difference from PyTorch.",
    discussion: """
      There is no tolerance to choose: the bounds follow from the arithmetic. The reference is written by the Python
      package: tensorferry.record(model, inputs, "reference.h5"). Arrays with the names of inputs and stages in any
      format that is read here, and the test data of ONNX models, are references that show less.

      Status 0: parity. 1: refuted; the first stage that differs is named. 3: the reference lacks the evidence.

      Tolerances of your own are a second gate: status 1 also if |ours - reference| is above ATOL + RTOL |reference|
      somewhere in float32. They excuse nothing.

      EXAMPLES
        tensorferry verify model.h5 reference.h5
        tensorferry verify model.h5 reference.h5 --json
        tensorferry verify model.h5 reference.h5 --self-test
        tensorferry verify model.h5 reference.h5 --atol 1e-6 --rtol 1e-5
        tensorferry verify model.h5 reference.h5 --labels labels.npy
        tensorferry verify model.h5 reference.h5 --html report.html --junit report.xml
        tensorferry verify encoder.pt reference.h5 --configuration '{"num_heads": 4}'
      """)

  @Argument(help: "The model file, or any weight file that 'import' would take.")
  var model: String

  @Argument(help: "The reference bundle that PyTorch recorded, a file of arrays, or a folder test_data_set_0.")
  var reference: String

  @Flag(help: "Also corrupt the model in memory, in many ways, and tell which of them the reference exposes.")
  var selfTest = false

  @Option(help: "What determines the corruptions of --self-test.")
  var seed: UInt64 = 0

  @Option(help: "Also refuse differences in float32 above this and --rtol together; 0 if only --rtol is given.")
  var atol: Double?

  @Option(help: "Also refuse differences in float32 above this times the reference's value, and --atol.")
  var rtol: Double?

  @Flag(help: "Print after the report what the verdict takes for granted, and what speaks for it.")
  var explain = false

  @Option(
    help: ArgumentHelp(
      "The right class of each sample, in the order of the cases; tells the accuracy of a classifier on both sides.",
      discussion:
        "An .npy file, or a weight file that holds them alone or by the name 'labels'. Without it those in the "
        + "reference are taken, if it has some."))
  var labels: String?

  @OptionGroup var pages: ReportOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var output: JSONOptions

  func validate() throws {
    for (name, value) in [("--atol", atol), ("--rtol", rtol)] {
      guard let value, Tolerance(absolute: value) == nil else { continue }
      throw ValidationError("\(name) is \(value), it must be a finite number and not negative")
    }
  }

  private var tolerance: Tolerance? {
    atol == nil && rtol == nil ? nil : Tolerance(absolute: atol ?? 0, relative: rtol ?? 0)
  }

  func run() throws {
    try output.reporting {
      try pages.checkPaths()
      let file = try ReferenceFile(path: reference)
      let (weights, taken) = try weights.open(model).completed(from: file.bundle)
      let report = try report(on: weights.model(), file, weights)
      try pages.write(report)
      output.print(json(report, taken), text: text(report, taken))
      if report.verdict == .mismatchProven || report.tolerance?.passed == false { throw ExitStatus.refuted }
      if !report.verdict.isParity { throw ExitStatus.undecided }
    }
  }

  private func report(
    on model: some Model, _ file: ReferenceFile, _ weights: OpenWeights
  ) throws -> ParityReport {
    let computed = try weights.computedParameters()
    let bundle = try file.bundle(of: model)
    let labels = try self.labels.map(readLabels)
    var report = try bundle.verify(model, computed: computed, surveyingCoverage: true, drawing: pages.html != nil)
    report.diagnosis = try bundle.diagnosis(of: model, report, computed: computed)
    if model is any Classifier {
      report.decisions = try bundle.decisions(of: model, computed: computed, labels: labels)
    } else if labels != nil {
      throw WeightFileError(
        .malformed, "the model gives no classes that labels could be compared with", file: self.model,
        tensor: self.labels)
    }
    report.budget = try bundle.budget(of: model)
    if let tolerance { report.tolerance = try bundle.tolerance(of: model, tolerance) }
    if selfTest { report.selfTest = try bundle.selfTest(of: model, seed: seed, computed: computed) }
    if output.json || pages.html != nil { report.proof = try proof(of: weights, bundle) }
    return report
  }

  /// Which files the report is about, by their hashes.
  private func proof(of weights: OpenWeights, _ bundle: ReferenceBundle) throws -> ParityReport.Proof {
    let files = try FileHash.all(of: weights.state.origin?.path ?? model, holding: weights.state.map(\.tensor))
    return try ParityReport.Proof(
      inputs: files.map { .init(role: .model, file: $0.path, sha256: $0.sha256) } + bundle.inputs(),
      configuration: weights.configuration(), isMapped: weights.plan.isDeclared)
  }

  /// The labels in a file: its only tensor, or that of the name `labels`.
  private func readLabels(_ path: String) throws -> [Int64] {
    let file = try weights.input.open(path)
    guard let tensor = file["labels"] ?? (file.count == 1 ? file[0].tensor : nil) else {
      try file.checkComplete()
      throw WeightFileError(
        .malformed, "the labels are not found: the file holds \(file.names.joined(separator: ", ").escapedForDisplay)",
        file: path, tensor: "labels")
    }
    return try tensor.read().integers()
  }

  private func json(_ report: ParityReport, _ taken: [JSONValue.Member]) -> JSONValue {
    .object((report.json.members ?? []) + [.init("configuration_from_reference", .object(taken))])
  }

  private func text(_ report: ParityReport, _ taken: [JSONValue.Member]) -> String {
    let body = report.text + (explain ? "\n\n" + report.explanation : "")
    guard !taken.isEmpty else { return body }
    return "from the reference, because nothing else tells it: \(taken.description)\n" + body
  }
}
