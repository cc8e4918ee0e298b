import Foundation
import TensorFerryTestSupport
import Testing

/// What the documentation shows is run.
@Suite struct ReadmeTests {
  @Test(
    "every shell and Python block runs, one after the other, in a folder that holds Fixtures and nothing else",
    arguments: ["README.md", "docs/tutorials/first-model.md"])
  func blocks(file: String) throws {
    let blocks = try CodeBlock.all(in: file)
    let runnable = blocks.filter { $0.language == "sh" || $0.language == "python" }
    #expect(runnable.count >= 2)
    // A block in any other language than these is one that nobody checks.
    let known: Set<String> = ["sh", "python", "swift", "text"]
    #expect(blocks.filter { !known.contains($0.language) }.map(\.description) == [])
    try withTemporaryDirectory { directory in
      try FileManager.default.createSymbolicLink(
        at: directory.appending(path: "Fixtures"), withDestinationURL: Project.root.appending(path: "Fixtures"))
      for block in runnable {
        if block.language == "python" {
          try python("import os, sys; os.chdir(sys.argv[1])\n" + block.text, [directory.path])
        } else {
          let path =
            "\(Project.command.deletingLastPathComponent().path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
          let ran = try run(URL(filePath: "/bin/sh"), ["-euc", block.text], environment: ["PATH": path], in: directory)
          #expect(ran.status == 0, "\(block)\n\(ran.output)\n\(ran.errors)")
        }
      }
    }
  }
}
