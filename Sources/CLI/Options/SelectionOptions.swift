internal import ArgumentParser
internal import TensorFerry

/// Which tensors of a file are taken.
struct SelectionOptions: ParsableArguments {
  @Option(help: "Take the part of a checkpoint under this key, for example 'model'.")
  var key: String?

  @Option(help: "Take this prefix off every name, as often as it stands there.")
  var stripPrefix: String?

  @Option(
    parsing: .upToNextOption,
    help: "Take only names that match a pattern: * is anything but a dot, ** anything, ? one character.")
  var include: [String] = []

  @Option(parsing: .upToNextOption, help: "Leave out names that match a pattern.")
  var exclude: [String] = []

  func apply(to state: StateDict) throws -> StateDict {
    var selection = StateDictSelection()
    selection.key = key
    selection.strippedPrefix = stripPrefix
    selection.included = include.map(NameGlob.init)
    selection.excluded = exclude.map(NameGlob.init)
    return try selection.apply(to: state)
  }
}
