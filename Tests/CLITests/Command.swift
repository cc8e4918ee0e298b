import Foundation
import TensorFerryTensors
import TensorFerryTestSupport

/// Runs the command `tensorferry` that was built with these tests.
func tensorferry(_ arguments: String..., in directory: URL? = nil) throws -> Completed {
  try run(Project.command, arguments, in: directory)
}

extension Completed {
  /// What it printed, as JSON.
  var json: JSONValue { get throws { try JSONValue(parsing: output.trimmingCharacters(in: .whitespacesAndNewlines)) } }
}
