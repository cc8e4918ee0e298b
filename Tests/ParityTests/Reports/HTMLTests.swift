import Foundation
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The pages of all kinds of reports, opened once in a real headless Chromium; see `Tests/Browser/browser.py`.
///
/// `TENSORFERRY_PAGES=FOLDER` keeps the pages, their screenshots and their PDFs.
@Suite struct HTMLTests {
  /// What has a section on every page, with or without data.
  private static let headings = [
    "Stages", "Difference and bound", "Distribution of the differences", "Where the differences are",
    "Budget of the output", "Causes", "What the reference would expose", "Class of each sample", "Self-test",
    "Attention weights", "Bits of the parameters", "Ledger and provenance",
  ]

  /// The pages of the scenes by name.
  private static func pages() throws -> [String: String] {
    var pages: [String: String] = [:]
    for scene in ReportScene.allCases { pages[scene.rawValue] = try ReportScene.report(scene).html }
    return pages
  }

  static let names = ReportScene.allCases.map(\.rawValue)

  private static let seen = Result { () throws -> JSONValue in
    let kept = ProcessInfo.processInfo.environment["TENSORFERRY_PAGES"]
    return try withTemporaryDirectory { temporary in
      let directory = kept.map { URL(filePath: $0) } ?? temporary
      let urls = try pages().map { name, page in
        let url = directory.appending(path: "\(name).html")
        try Data(page.utf8).write(to: url)
        return url.path
      }
      let script = Project.root.appending(path: "Tests/Browser/browser.py")
      return try JSONValue(parsing: python(script: script, [directory.path] + urls.sorted()))
    }
  }

  private static func page(_ name: String) throws -> JSONValue { try #require(seen.get()[name]) }

  @Test("the browser complains of nothing, fetches nothing and finds nothing to run", arguments: names)
  func quiet(name: String) throws {
    let page = try Self.page(name)
    #expect(page["complaints"]?.array == [])
    #expect(page["requests"]?.array == [])
    #expect(page["light"]?["scripts"]?.int == 0)
    #expect(page["light"]?["executed"]?.bool == false)
  }

  @Test("all sections are there, and each has a picture, a table or the reason why there is none", arguments: names)
  func sections(name: String) throws {
    let look = try #require(Self.page(name)["light"])
    #expect(look["headings"]?.array?.compactMap(\.string) == Self.headings)
    #expect(look["empty"]?.array == [])
  }

  @Test("every picture has a name, a description and a table, and no number that is none", arguments: names)
  func pictures(name: String) throws {
    let look = try #require(Self.page(name)["light"])
    #expect((look["pictures"]?.int ?? 0) > 3)
    #expect(look["unnamed"]?.int == 0)
    #expect(look["untabled"]?.array == [])
    #expect(look["unfinished"]?.int == 0)
    #expect(look["duplicates"]?.array == [])
    #expect(look["dangling"]?.int == 0)
  }

  @Test("light and dark pages differ, and every text stands out from its background", arguments: names)
  func schemes(name: String) throws {
    let page = try Self.page(name)
    #expect(page["light"]?["background"]?.string == "rgb(255, 255, 255)")
    #expect(page["dark"]?["background"]?.string == "rgb(17, 21, 26)")
    #expect(page["same_screenshots"]?.bool == false)
    #expect(page["screenshots"]?.array?.allSatisfy { ($0.int ?? 0) > 20_000 } == true)
    // The contrast that WCAG 2 asks of normal text.
    for scheme in ["light", "dark"] { #expect((page[scheme]?["faintest"]?.double ?? 0) >= 4.5) }
  }

  @Test("a narrow window scrolls within pictures and tables, not as a whole", arguments: names)
  func narrow(name: String) throws {
    #expect(try Self.page(name)["narrow"]?["overflow"]?.int == 0)
  }

  @Test("print is black on white with every table open", arguments: names)
  func printed(name: String) throws {
    let page = try Self.page(name)
    #expect(page["pdf"]?.string == "%PDF-")
    #expect((page["pdf_bytes"]?.int ?? 0) > 20_000)
    #expect(page["printed"]?["background"]?.string == "rgb(255, 255, 255)")
    let tables = try #require(page["printed"]?["tables"]?.array)
    #expect(tables.count > 3)
    #expect(tables.allSatisfy { $0.array?.last?.bool == true })
  }

  @Test("names that hold markup, escapes and bidirectional controls are shown as text")
  func hostile() throws {
    let text = try #require(Self.page("hostile")["light"]?["text"]?.string)
    #expect(text.contains(ReportScene.hostileName.escapedForDisplay))
    #expect(!text.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{1B}" || $0 == "\u{0}" })
  }

  @Test("causes, assumptions, files and a tolerance are shown where the report has them")
  func joined() throws {
    let text = try #require(Self.page("refuted")["light"]?["text"]?.string)
    for part in [
      "The cause: element [1, 2] of 'fc.weight' is 0.75",
      "✓ explains it", "✕ refuted", "rounded to nearest, in float32",
      String(repeating: "0a", count: 32), "Tolerance that was asked for as well",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test("a page says the verdict, its meaning, and the first element that diverges")
  func headline() throws {
    let report = try ReportScene.report(.refuted)
    let look = try #require(Self.page("refuted")["light"])
    #expect(look["title"]?.string == "MISMATCH_PROVEN: AttentionClassifier/1")
    let text = try #require(look["text"]?.string)
    let worst = try #require(report.firstDivergence?.deciding.worst)
    #expect(text.contains("Who is off: the reference was not produced by these weights in this arithmetic."))
    #expect(text.contains("[" + worst.index.map(String.init).joined(separator: ", ") + "]"))
  }

  @Test("the same report gives the same page, which a strict parser takes", arguments: [ReportScene.refuted, .hostile])
  func deterministic(scene: ReportScene) throws {
    let page = try ReportScene.report(scene).html
    #expect(try ReportScene.report(scene).html == page)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "page.html")
      try Data(page.utf8).write(to: url)
      try python(
        """
        import sys, html5lib
        with open(sys.argv[1], encoding="utf-8") as page:
            html5lib.HTMLParser(strict=True).parse(page.read())
        """, [url.path])
    }
  }
}
