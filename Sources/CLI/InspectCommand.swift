internal import ArgumentParser
internal import TensorFerry

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what is in a weight file: names, element types, shapes, metadata.",
    discussion: """
      The format is found by the file's content. Nothing but headers is read unless --hash, --stats or --check is \
      given. --check reads the file as a whole, compares its checksums, and tells warnings (status 0) from errors \
      (status 2).

      EXAMPLES
        tensorferry inspect checkpoint.h5
        tensorferry inspect checkpoint.h5 --hash --json
        tensorferry inspect model.safetensors.index.json --check
      """)

  @Argument(help: "The weight file.")
  var file: String

  @Flag(help: "Add the SHA-256 of each tensor's contiguous little-endian bytes.")
  var hash = false

  @Flag(help: "Add minimum, maximum, mean, standard deviation and the counts of NaN and infinities.")
  var stats = false

  @Flag(help: "Print the names as a tree.")
  var tree = false

  @Flag(help: "List everything that breaks the rules of the file's format; status 2 if there is an error.")
  var check = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let opened = Result { try input.open(file) }
      let findings = check ? try FormatFinding.findings(in: file, opened: opened) : nil
      var state = StateDict()
      do {
        state = try opened.get()
      } catch {
        // Then it is among the findings.
        guard findings != nil else { throw error }
      }
      let inspection = Inspection(
        state: state, hashes: hash ? try state.map { try $0.tensor.sha256() } : [],
        statistics: stats ? try state.map { try $0.tensor.statistics() } : [], findings: findings)
      output.print(inspection.json, text: tree ? inspection.tree : inspection.text)
      if findings?.contains(where: { $0.severity == .error }) == true { throw ExitStatus.failure }
    }
  }
}
