internal import ArgumentParser

struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Drafts, checks and explains a mapping file.",
    discussion: "A mapping file is described in docs/reference/mapping-file.md.",
    subcommands: [MapInitCommand.self, MapCheckCommand.self, MapExplainCommand.self])
}
