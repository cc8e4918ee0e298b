internal import ArgumentParser
internal import TensorFerry

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Judges, stage by stage, whether rounding explains every difference from PyTorch.",
    discussion: """
      There is no tolerance to choose: the bounds follow from the arithmetic. The reference is written by the Python
      package: tensorferry.record(model, inputs, "reference.h5").

      Status 0: parity. 1: refuted; the first stage that differs is named. 3: the reference lacks the evidence.

      EXAMPLES
        tensorferry verify model.h5 reference.h5
        tensorferry verify model.h5 reference.h5 --json
        tensorferry verify model.h5 reference.h5 --self-test
        tensorferry verify model.h5 reference.h5 --labels labels.npy
        tensorferry verify encoder.pt reference.h5 --configuration '{"num_heads": 4}'
      """)

  @Argument(help: "The model file, or any weight file that 'import' would take.")
  var model: String

  @Argument(help: "The reference bundle that PyTorch recorded.")
  var reference: String

  @Flag(help: "Also corrupt the model in memory, in many ways, and tell which of them the reference exposes.")
  var selfTest = false

  @Option(help: "What determines the corruptions of --self-test.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "The right class of each sample, in the order of the cases; tells the accuracy of a classifier on both sides.",
      discussion:
        "An .npy file, or a weight file that holds them alone or by the name 'labels'. Without it those in the "
        + "reference are taken, if it has some."))
  var labels: String?

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let bundle = try ReferenceBundle(path: reference)
      let (weights, taken) = try weights.open(model).completed(from: bundle)
      let report = try report(on: weights.model(), bundle, computed: weights.computedParameters())
      output.print(json(report, taken), text: text(report, taken))
      switch report.verdict {
      case .identical, .typical, .explained: break
      case .mismatchProven: throw ExitStatus.refuted
      case .inconclusive: throw ExitStatus.undecided
      }
    }
  }

  private func report(
    on model: some Model, _ bundle: ReferenceBundle, computed: [String: Double]
  ) throws -> ParityReport {
    let labels = try self.labels.map(readLabels)
    var report = try bundle.verify(model, computed: computed, surveyingCoverage: true)
    if model is any Classifier {
      report.decisions = try bundle.decisions(of: model, computed: computed, labels: labels)
    } else if labels != nil {
      throw WeightFileError(
        .malformed, "the model gives no classes that labels could be compared with", file: self.model,
        tensor: self.labels)
    }
    report.budget = try bundle.budget(of: model)
    if selfTest { report.selfTest = try bundle.selfTest(of: model, seed: seed, computed: computed) }
    return report
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
    guard !taken.isEmpty else { return report.text }
    return "from the reference, because nothing else tells it: \(taken.description)\n" + report.text
  }
}
