import Foundation
import TensorFerryFormats
import TensorFerryTestSupport
import Testing

/// `docs/reference/hostile-files.md` lists the cases of the tests; `TENSORFERRY_UPDATE_DOCS=1` writes it anew.
@Suite struct HostileFilesPageTests {
  private typealias Row = (name: String, what: String, outcome: String)

  private static let chapters: [(prefix: String, title: String, count: Int)] = [
    ("ST", "safetensors", 32), ("ZP", "Zip archives: .npz, .pt, .keras", 38), ("PK", "Pickles and PyTorch files", 45),
    ("NP", "NumPy", 20), ("GG", "GGUF", 28), ("H5", "HDF5", 42), ("XF", "Any format", 8),
  ]

  /// The cases that are data of the tests: their name, what is wrong with the file, and the code of the error.
  private static func rows() throws -> [Row] {
    func split(_ sentence: String, _ outcome: String) -> Row {
      (String(sentence.prefix(4)), String(sentence.dropFirst(5)), outcome)
    }
    var rows = SafetensorsAttackTests.refused.map { split($0.testDescription, $0.code.rawValue) }
    rows += (ZipAttackTests.ends + ZipAttackTests.members + ZipAttackTests.others + NumPyAttackTests.attacks)
      .map { split($0.testDescription, $0.outcome == "ok" ? "read" : $0.outcome) }
    rows += (PickleAttackTests.opcodes + PickleAttackTests.bombs + PyTorchAttackTests.attacks)
      .map { split($0.sentence, $0.expected.rawValue) }
    rows +=
      (GGUFHostileTests.headers + GGUFHostileTests.metadata + GGUFHostileTests.descriptions
      + GGUFHostileTests.data)
      .map { (String($0.id.prefix(4)), $0.claim, $0.code.rawValue) }
    rows += try HDF5Attack.all.get().map { ($0.name, $0.what, $0.outcome) }
    return rows + (try titles())
  }

  /// The cases that are tests of their own, or arguments of one, by their titles.
  private static func titles() throws -> [Row] {
    let folder = Project.root.appending(path: "Tests/FormatsTests")
    let paths = (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).sorted()
    let pattern = /"((?:ST|ZP|PK|NP|GG|XF)\d\d):? ([^"\\]+)"/
    return try paths.filter { $0.hasSuffix(".swift") }.flatMap { path in
      let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
      return text.split(separator: "@Test").dropFirst().flatMap { test in
        let title = test.prefix { $0 != "{" }
        return title.matches(of: pattern).map { (String($0.1), String($0.2), "as it says") }
      }
    }
  }

  @Test("the page lists every named case with its outcome, and none is missing")
  func page() throws {
    let rows = try Self.rows()
    var lines = [
      "# Hostile files", "", "A test makes this page; see `Tests/FormatsTests/HostileFilesPageTests.swift`.", "",
      "Every case is a file, or a family of them, that a test makes and reads. *read*: it has a right value, which is",
      "compared. *told*: nothing in it is a tensor, and the answer names what is not carried over. Anything else is the",
      "code of the error (`refused` where HDF5 has several), which names the file. No case may end the process, hang, take",
      "more than 64 MiB (above twice the file, where it is not HDF5), or leave a file. [The threat model](../explanation/threat-model.md)",
      "says what this is for.",
    ]
    for chapter in Self.chapters {
      let own = rows.filter { $0.name.hasPrefix(chapter.prefix) }
      let names = Set(own.map(\.name))
      for number in 1...chapter.count {
        let name = chapter.prefix + (number < 10 ? "0" : "") + String(number)
        #expect(names.contains(name), "\(name) has no test")
      }
      lines += ["", "## \(chapter.title)", "", "| case | file | outcome |", "|---|---|---|"]
      var last = ""
      for row in own.sorted(by: { $0.name < $1.name }) {
        let what = row.what.replacing("|", with: "\\|")
        let line = "| \(row.name) | \(what) | \(row.outcome) |"
        if line != last { lines.append(line) }
        last = line
      }
    }
    let text = lines.joined(separator: "\n") + "\n"
    let url = Project.root.appending(path: "docs/reference/hostile-files.md")
    if ProcessInfo.processInfo.environment["TENSORFERRY_UPDATE_DOCS"] != nil { try Data(text.utf8).write(to: url) }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }
}
