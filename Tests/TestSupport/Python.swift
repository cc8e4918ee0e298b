public import Foundation

/// What a process left behind.
public struct Completed: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
}

/// Runs a program to its end and collects what it printed.
public func run(_ program: URL, _ arguments: [String], environment: [String: String] = [:], in directory: URL? = nil)
  throws
  -> Completed
{
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  process.currentDirectoryURL = directory
  // Files, not pipes: a pipe that nobody drains would block the process.
  return try withTemporaryDirectory { scratch in
    let files = try ["out", "err"].map { name in
      let url = scratch.appending(path: name)
      try Data().write(to: url)
      return (url, try FileHandle(forWritingTo: url))
    }
    process.standardOutput = files[0].1
    process.standardError = files[1].1
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return Completed(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: files[0].0), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: files[1].0), as: UTF8.self))
  }
}

/// A Python program that failed.
public struct PythonFailure: Error, CustomStringConvertible {
  public let description: String
}

/// Runs Python code with the packages of Tests/requirements.txt; `arguments` are `sys.argv[1:]`.
///
/// - Returns: what it printed.
/// - Throws: ``PythonFailure`` with its traceback if it ends with another status than 0.
@discardableResult
public func python(_ code: String, _ arguments: [String] = []) throws -> String {
  try interpret(["-c", code] + arguments)
}

/// Runs a Python program; see ``python(_:_:)``.
@discardableResult
public func python(script: URL, _ arguments: [String]) throws -> String { try interpret([script.path] + arguments) }

private func interpret(_ arguments: [String]) throws -> String {
  let completed = try run(
    Project.python, arguments,
    environment: ["PYTHONPATH": Project.root.appending(path: "Python").path(), "PYTHONDONTWRITEBYTECODE": "1"])
  guard completed.status == 0 else { throw PythonFailure(description: completed.errors) }
  return completed.output
}
