import Foundation
import TensorFerryTestSupport

/// A folder as a reader of a page has it: Fixtures, the files that the page names, and nothing else.
struct PageReader {
  let folder: URL
  // A reader types the blocks into one session, so a later one may use the names of an earlier one.
  private var session = "import os, sys; os.chdir(sys.argv[1])\n"

  init(of blocks: [CodeBlock], in folder: URL) throws {
    self.folder = folder
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "Fixtures"), withDestinationURL: Project.root.appending(path: "Fixtures"))
    for block in blocks where block.language == "yaml" {
      if let name = block.fileName { try Data(block.text.utf8).write(to: folder.appending(path: name)) }
    }
  }

  mutating func types(_ block: CodeBlock) throws {
    session += block.text + "\n"
    try python(session, [folder.path])
  }

  /// Runs a shell block with the command that was built with the tests.
  func runs(_ block: CodeBlock) throws -> Completed {
    let path =
      "\(Project.command.deletingLastPathComponent().path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    return try run(URL(filePath: "/bin/sh"), ["-euc", block.text], environment: ["PATH": path], in: folder)
  }
}
