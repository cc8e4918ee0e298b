import Foundation
import TensorFerryTestSupport
import Testing

/// The rules of CONTRIBUTING.md that a program can check.
@Suite struct LayoutTests {
  private static func files(below folder: String, ending: String = ".swift") -> [(path: String, text: String)] {
    let root = Project.root.appending(path: folder)
    let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix(ending) && !$0.contains(".build") }.sorted().map { path in
      let text = (try? String(contentsOf: root.appending(path: path), encoding: .utf8)) ?? ""
      return (folder + "/" + path, text)
    }
  }

  private static func lineCount(_ text: String) -> Int {
    text.split(separator: "\n", omittingEmptySubsequences: false).count
  }

  private static func folders(below folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      at: Project.root.appending(path: folder), includingPropertiesForKeys: [.isDirectoryKey]
    ).filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
      .map(\.lastPathComponent).filter { !$0.hasSuffix(".docc") }.sorted()
  }

  @Test("no source or test file has more than 400 lines, and half of the sources have at most 150")
  func lengths() {
    let sources = Self.files(below: "Sources").map { ($0.path, Self.lineCount($0.text)) }
    #expect(sources.count > 50)
    for (path, lines) in sources + Self.files(below: "Tests").map({ ($0.path, Self.lineCount($0.text)) })
    where lines > 400 {
      Issue.record("\(path) has \(lines) lines")
    }
    #expect(sources.map(\.1).sorted()[sources.count / 2] <= 150)
  }

  @Test("no file or folder has a name that says nothing", arguments: ["Sources", "Tests", "Python", "Fixtures"])
  func names(folder: String) {
    let vague = ["util", "helper", "common", "misc", "integration"]
    for (path, _) in Self.files(below: folder, ending: "") {
      for part in path.lowercased().split(separator: "/") where vague.contains(where: part.hasPrefix) {
        Issue.record("\(path)")
      }
    }
  }

  @Test("libraries do not print, trap on errors, or force them away")
  func forbiddenCalls() {
    let libraries = Self.files(below: "Sources").filter { !$0.path.hasPrefix("Sources/CLI/") }
    for (path, text) in libraries {
      for line in text.split(separator: "\n") where !line.drop(while: { $0 == " " }).hasPrefix("//") {
        for call in ["fatalError(", "try! ", " print(", "as! "] where line.contains(call) {
          Issue.record("\(path): \(line)")
        }
      }
    }
  }

  @Test("what the compiler cannot check says why it is safe")
  func safeBecause() {
    for (path, text) in Self.files(below: "Sources") {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() where line.contains("@unchecked") || line.contains("nonisolated(unsafe)")
      {
        let around = lines[max(0, index - 4)...min(lines.count - 1, index + 1)].joined(separator: "\n")
        #expect(around.contains("Safe because"), "\(path):\(index + 1)")
      }
    }
  }

  @Test(
    "every folder of a format, an operator or a model has its line in the registry",
    arguments: [
      ("Formats", "FormatRegistry", "Format()", ["Bytes"]),
      ("Operators", "OperatorRegistry", ".self", ["Folding"]),
      ("Models", "ModelRegistry", ".self", []),
    ])
  func registries(target: String, registry: String, ending: String, others: [String]) throws {
    let text = try String(
      contentsOf: Project.root.appending(path: "Sources/\(target)/\(registry).swift"), encoding: .utf8)
    let folders = try Self.folders(below: "Sources/\(target)").filter { !others.contains($0) }
    #expect(!folders.isEmpty)
    for folder in folders {
      #expect(text.contains(folder + ending), "\(folder) is not in \(registry)")
    }
  }

  @Test("every Swift target has its tests")
  func mirrors() throws {
    let tests = try Self.folders(below: "Tests")
    let withoutSwift: Set<String> = ["CHDF5", "CZlib", "CLZF", "CBLAS", "CKernels", "CFiles", "TensorFerry"]
    for target in try Self.folders(below: "Sources") where !withoutSwift.contains(target) {
      #expect(tests.contains(target + "Tests"), "Sources/\(target) has no Tests/\(target)Tests")
    }
  }
}
