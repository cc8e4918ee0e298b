import Foundation
import TensorFerryFormats
import TensorFerryTestSupport
import Testing

/// `docs/reference/limits.md` is the table of limits; `TENSORFERRY_UPDATE_DOCS=1` writes it anew.
@Suite struct LimitTableTests {
  @Test("the page has every limit with its number")
  func page() throws {
    var lines = [
      "# Limits", "", "A test makes this page; see `Tests/FormatsTests/LimitTableTests.swift`.", "",
      "What a file may ask for before it is refused. Each limit is compared before memory is taken, and its number is in",
      "the error. No option raises them.", "", "| format | limit for | at most |", "|---|---|---|",
    ]
    lines += LimitTable.rows.map { "| \($0.format) | \($0.what) | \($0.limit) |" }
    let text = lines.joined(separator: "\n") + "\n"
    let url = Project.root.appending(path: "docs/reference/limits.md")
    if ProcessInfo.processInfo.environment["TENSORFERRY_UPDATE_DOCS"] != nil { try Data(text.utf8).write(to: url) }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  @Test("no limit is listed twice")
  func unique() {
    #expect(Set(LimitTable.rows.map { $0.format + $0.what }).count == LimitTable.rows.count)
  }
}
