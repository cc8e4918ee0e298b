import Foundation
import TensorFerryTestSupport
import Testing

/// `docs/explanation/comparison.md` is what `Benchmarks/comparison/comparators.py` finds; `make compare` writes it anew.
@Suite struct ComparisonPageTests {
  @Test("the page says what other tools' rules and verify make of models with one thing wrong, and of right ones")
  func page() throws {
    try withTemporaryDirectory { directory in
      let written = directory.appending(path: "comparison.md")
      try python(
        script: Project.root.appending(path: "Benchmarks/comparison/comparators.py"),
        [Project.command.path, "-o", written.path])
      let page = Project.root.appending(path: "docs/explanation/comparison.md")
      #expect(try String(contentsOf: written, encoding: .utf8) == String(contentsOf: page, encoding: .utf8))
    }
  }
}
