import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// `docs/reference/support-matrix.md` is what this test finds; `TENSORFERRY_UPDATE_DOCS=1` writes it anew.
@Suite struct SupportMatrixTests {
  @Test("the support matrix says what is written and read back exactly, and what is refused")
  func matrix() throws {
    let formats = WritableFormat.all
    var lines = [
      "# Support matrix", "",
      "*exact*: written and read back bit for bit. *refused*: an error that names the tensor; nothing is written.", "",
      "| dtype | " + formats.map(\.description).joined(separator: " | ") + " |",
      "|---|" + formats.map { _ in "---|" }.joined(),
    ]
    try withTemporaryDirectory { directory in
      for dtype in DType.allCases where dtype != .block {
        let cells = try formats.map { try outcome(of: $0, dtype, in: directory) }
        lines.append("| \(dtype.rawValue) | " + cells.joined(separator: " | ") + " |")
      }
    }
    lines.append(
      "| ties | " + formats.map { type(of: $0.format).keepsTies ? "kept" : "copies" }.joined(separator: " | ") + " |")
    let text = lines.joined(separator: "\n") + "\n"
    let url = Project.root.appending(path: "docs/reference/support-matrix.md")
    if ProcessInfo.processInfo.environment["TENSORFERRY_UPDATE_DOCS"] != nil { try Data(text.utf8).write(to: url) }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  private func outcome(of format: WritableFormat, _ dtype: DType, in directory: URL) throws -> String {
    var state = StateDict()
    try state.append("x", WritableFormat.tensor(dtype, [2, 4]))
    let url = directory.appending(path: "\(dtype.rawValue).\(format.ending)")
    do {
      // The writer compares what it reads back, bit for bit, before the file gets its name.
      try state.write(to: url, format: format.format)
    } catch let error as WeightFileError where error.code == .unrepresentable {
      #expect(!FileManager.default.fileExists(atPath: url.path))
      return "refused"
    }
    let difference = try state.difference(from: StateDict(contentsOf: url))
    return difference.tensorsAreEqual ? "exact" : "WRONG"
  }
}
