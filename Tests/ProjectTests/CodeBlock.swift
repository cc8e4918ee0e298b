import Foundation
import TensorFerryTestSupport

/// A fenced block of code in a Markdown file.
struct CodeBlock: CustomStringConvertible {
  let file: String
  let line: Int
  let language: String
  let text: String

  var description: String { "\(file):\(line) (\(language))" }

  /// The file that a block is to be, if its first line is a comment with nothing but a name: `// main.swift`.
  var fileName: String? {
    let words = text.prefix { $0 != "\n" }.split(separator: " ")
    guard words.count == 2, words[0] == "//" || words[0] == "#", words[1].contains("."), !words[1].contains("/") else {
      return nil
    }
    return String(words[1])
  }

  /// The blocks of a file of this checkout, in order.
  static func all(in path: String) throws -> [CodeBlock] {
    let text = try String(contentsOf: Project.root.appending(path: path), encoding: .utf8)
    var blocks: [CodeBlock] = []
    var open: (line: Int, language: String, text: [Substring])?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("```") {
        if let block = open {
          blocks.append(
            CodeBlock(file: path, line: block.line, language: block.language, text: block.text.joined(separator: "\n")))
          open = nil
        } else {
          open = (index + 1, String(line.dropFirst(3)), [])
        }
      } else {
        open?.text.append(line)
      }
    }
    return blocks
  }
}
