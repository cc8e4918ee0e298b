internal import ArgumentParser
internal import TensorFerry

/// The command `tensorferry`: it parses, calls the library and prints.
@main
struct TensorFerryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tensorferry",
    abstract: "Carries PyTorch-trained weights into Swift and proves that nothing changed on the way.",
    discussion: """
      EXAMPLES
        tensorferry inspect weights.h5
        tensorferry convert checkpoint.pt model.safetensors
        tensorferry diff checkpoint.pt model.safetensors
        tensorferry import checkpoint.h5 -o model.h5
        tensorferry predict model.h5 test.h5 --labels labels
        tensorferry verify model.h5 reference.h5

      tensorferry --version --verbose    also names the C libraries that see bytes of files, and what they do

      EXIT STATUS
        0   done; equal; parity
        1   the files differ; parity refuted
        2   could not: bad file, I/O, unsupported, invalid mapping
        3   undecided: the reference lacks the evidence
        64  usage; 130 interrupted, 143 terminated
      """,
    version: Version.text,
    subcommands: [
      InspectCommand.self, ConvertCommand.self, ImportCommand.self, MapCommand.self, DiffCommand.self,
      PredictCommand.self,
      VerifyCommand.self,
    ])

  static func main() {
    surviveFileSizeLimit()
    if Set(CommandLine.arguments.dropFirst()) == ["--version", "--verbose"] {
      print(Version.details)
      ExitStatus.end(with: ExitStatus.success.rawValue)
    }
    do {
      var command = try parseAsRoot()
      try command.run()
      ExitStatus.end(with: ExitStatus.success.rawValue)
    } catch {
      ExitStatus.exit(with: error)
    }
  }
}
