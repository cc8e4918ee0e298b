import Foundation
import TensorFerryMapping
import TensorFerryTestSupport
import Testing

/// What the documentation shows is run.
@Suite struct ReadmeTests {
  @Test(
    "every shell and Python block runs, in a folder with Fixtures and the page's files; every YAML block is a mapping",
    arguments: ["README.md", "docs/tutorials/first-model.md", "docs/how-to/add-a-model.md"])
  func blocks(file: String) throws {
    let blocks = try CodeBlock.all(in: file)
    let runnable = blocks.filter { $0.language == "sh" || $0.language == "python" }
    #expect(runnable.count >= 2)
    // A block in any other language than these is one that nobody checks.
    let known: Set<String> = ["sh", "python", "swift", "text", "yaml"]
    #expect(blocks.filter { !known.contains($0.language) }.map(\.description) == [])
    for block in blocks where block.language == "yaml" {
      #expect(try WeightMapping(block.text, file: block.description).rules.isEmpty == false)
    }
    try withTemporaryDirectory { directory in
      var reader = try PageReader(of: blocks, in: directory)
      for block in runnable {
        if block.language == "python" {
          try reader.types(block)
        } else {
          let ran = try reader.runs(block)
          #expect(ran.status == 0, "\(block)\n\(ran.output)\n\(ran.errors)")
        }
      }
    }
  }
}
