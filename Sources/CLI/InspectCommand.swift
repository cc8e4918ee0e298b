internal import ArgumentParser
internal import TensorFerry

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what is in a weight file: names, element types, shapes, metadata.",
    discussion: """
      The format is found by the file's content. Nothing but headers is read unless --hash or --stats is given.

      EXAMPLES
        tensorferry inspect checkpoint.h5
        tensorferry inspect checkpoint.h5 --hash --json
      """)

  @Argument(help: "The weight file.")
  var file: String

  @Flag(help: "Add the SHA-256 of each tensor's contiguous little-endian bytes.")
  var hash = false

  @Flag(help: "Add minimum, maximum, mean, standard deviation and the counts of NaN and infinities.")
  var stats = false

  @Flag(help: "Print the names as a tree.")
  var tree = false

  @Flag(help: "End with status 2 if the file holds something that must not be followed or cannot be read.")
  var check = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: JSONOptions

  func run() throws {
    try output.reporting {
      let state = try input.open(file)
      let inspection = Inspection(
        state: state, hashes: hash ? try state.map { try $0.tensor.sha256() } : [],
        statistics: stats ? try state.map { try $0.tensor.statistics() } : [])
      output.print(inspection.json, text: tree ? inspection.tree : inspection.text)
      let refused = state.others.filter(\.isRefused)
      if check, let first = refused.first {
        throw WeightFileError(
          .refused, "\(refused.count) refused: '\(first.name.escapedForDisplay)', \(first.kind): \(first.reason)",
          file: file)
      }
    }
  }
}
