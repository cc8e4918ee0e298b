import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The files that Keras saves in this test run, and what Keras says of their weights: see `Fixtures/keras/models.py`.
enum KerasFiles {
  private static let written = Result {
    try withTemporaryDirectory { directory in
      try python(script: Project.fixture("keras/models.py"), [directory.path])
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      return Dictionary(
        uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: directory.appending(path: $0))) })
    }
  }

  /// A weight as Keras has it, with its place in Keras's hierarchy as its name.
  struct Weight: Decodable, Sendable {
    let name: String
    let dtype: String
    let shape: [Int]
    let hex: String
  }

  static func weights(of model: String) throws -> [Weight] {
    let data = try #require(written.get()["expected.json"])
    return try #require(JSONDecoder().decode([String: [Weight]].self, from: data)[model])
  }

  /// Calls `body` with the path of a file that Keras saved; the files of the same model, or those of `models`, are
  /// beside it.
  static func withFile<Result>(
    _ name: String, beside models: String..., body: (URL) throws -> Result
  ) throws -> Result {
    let models = models.isEmpty ? [String(name.prefix { $0.isLetter || $0.isNumber })] : models
    return try withTemporaryDirectory { directory in
      for (name, data) in try written.get() where models.contains(where: name.hasPrefix) {
        try data.write(to: directory.appending(path: name))
      }
      return try body(directory.appending(path: name))
    }
  }

  static func hex(_ tensor: LazyTensor) throws -> String {
    try tensor.read().bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
