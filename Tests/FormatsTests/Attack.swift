import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A hostile file: what is wrong with it, the Python expression of its bytes, and how reading it ends.
struct Attack: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let bytes: String
  /// The code of the error, or `ok` if the file has a right value.
  let outcome: String

  init(_ description: String, _ bytes: String, _ outcome: String = "malformed") {
    testDescription = description
    self.bytes = bytes
    self.outcome = outcome
  }

  /// The bytes of each attack, by its description, from one run of Python.
  static func files(_ prelude: String, _ attacks: [Attack]) throws -> [String: Data] {
    let table = attacks.map { "(\(JSONValue.string($0.testDescription).text()), lambda: \($0.bytes))" }
    let code = """
      import base64, json
      attacks = [\(table.joined(separator: ",\n"))]
      print(json.dumps({name: base64.b64encode(bytes()).decode() for name, bytes in attacks}))
      """
    let members = try #require(try JSONValue(parsing: try python(prelude + code)).members)
    let files = members.compactMap { member in
      member.value.string.flatMap { Data(base64Encoded: $0) }.map { (member.key, $0) }
    }
    return Dictionary(files) { first, _ in first }
  }

  /// Writes the bytes to a file and reads all its tensors.
  func expectOutcome(_ files: Result<[String: Data], any Error>, ending: String, format: (any WeightFormat)?) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "hostile.\(ending)")
      try #require(try files.get()[testDescription]).write(to: url)
      let (code, sentence) = Self.outcome(of: url, format: format)
      #expect(code == outcome, "\(sentence)")
    }
  }

  /// Reads a file and all its tensors: the code of the error, or `ok`, and the error's text.
  static func outcome(of url: URL, format: (any WeightFormat)? = nil) -> (code: String, sentence: String) {
    do {
      for element in try StateDict(contentsOf: url, format: format) { _ = try element.tensor.read() }
      return ("ok", "")
    } catch let error as any LocatedError {
      guard error.file == url.path else { return ("an error without its file", "\(error)") }
      return ((error as? WeightFileError)?.code.rawValue ?? (error as? TensorError)?.code.rawValue ?? "", "\(error)")
    } catch {
      return ("an error without a place", "\(error)")
    }
  }
}
