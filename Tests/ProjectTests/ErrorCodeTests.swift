import Foundation
import TensorFerryTestSupport
import Testing

/// Every code of every error type is one that a test expects.
@Suite struct ErrorCodeTests {
  @Test("each case of each enum Code is named in a test")
  func codes() throws {
    let sources = try text(below: "Sources")
    let tests = try text(below: "Tests").map(\.text).joined()
    var enums = 0
    for (path, text) in sources {
      guard let declaration = text.range(of: "enum Code: String, CaseIterable") else { continue }
      enums += 1
      let body = text[declaration.upperBound...].prefix { $0 != "}" }
      for line in body.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.first == "case" else { continue }
        for name in words.dropFirst().map({ $0.trimmingCharacters(in: .punctuationCharacters) }) {
          // Not in the expectation itself, whose failure would print all tests.
          let isExpected = tests.contains(".\(name)")
          #expect(isExpected, "\(path): no test expects '\(name)'")
        }
      }
    }
    #expect(enums >= 8)
  }

  private func text(below folder: String) throws -> [(path: String, text: String)] {
    let root = Project.root.appending(path: folder)
    let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
    return try paths.filter { $0.hasSuffix(".swift") }.map {
      ("\(folder)/\($0)", try String(contentsOf: root.appending(path: $0), encoding: .utf8))
    }
  }
}
