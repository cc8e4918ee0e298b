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
      """)

  @Argument(help: "The model file, or any weight file that 'import' would take.")
  var model: String

  @Argument(help: "The reference bundle that PyTorch recorded.")
  var reference: String

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let report = try ReferenceBundle(path: reference).verify(try weights.model(model))
      output.print(report.json, text: report.text)
      switch report.verdict {
      case .identical, .typical, .explained: break
      case .mismatchProven: throw ExitStatus.refuted
      case .inconclusive: throw ExitStatus.undecided
      }
    }
  }
}
