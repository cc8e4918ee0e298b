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
/// - Parameter isIsolated: true for a process of its own, whose peak memory is that of the code: on Linux it is otherwise the
///   fork of one that has imported torch, h5py and safetensors, which takes seconds.
/// - Returns: what it printed.
/// - Throws: ``PythonFailure`` with its traceback if it ends with another status than 0.
@discardableResult
public func python(_ code: String, _ arguments: [String] = [], isIsolated: Bool = false) throws -> String {
  try interpret((isIsolated ? ["-c"] : forks.get()) + [code] + arguments)
}

/// Runs a Python program in a process of its own; see ``python(_:_:isIsolated:)``.
@discardableResult
public func python(script: URL, _ arguments: [String]) throws -> String { try interpret([script.path] + arguments) }

private func interpret(_ arguments: [String]) throws -> String {
  let completed = try run(Project.python, arguments, environment: pythonEnvironment)
  guard completed.status == 0 else { throw PythonFailure(description: completed.errors) }
  return completed.output
}

private let pythonEnvironment = [
  "PYTHONPATH": Project.root.appending(path: "Python").path(), "PYTHONDONTWRITEBYTECODE": "1",
]

/// What stands before code and its arguments so that a fork of the server runs it; the server ends with the tests.
private let forks = Result<[String], any Error> {
  #if os(Linux)
    let folder = Project.root.appending(path: "Tests/Forks")
    let socket = FileManager.default.temporaryDirectory.appending(path: "forks-\(UUID().uuidString.prefix(8))").path
    let server = Process()
    server.executableURL = Project.python
    server.arguments = [folder.appending(path: "server.py").path, socket]
    server.environment = ProcessInfo.processInfo.environment.merging(pythonEnvironment) { $1 }
    server.standardInput = FileHandle.nullDevice
    try server.run()
    while !FileManager.default.fileExists(atPath: socket) {
      guard server.isRunning else { throw PythonFailure(description: "the server of Python's forks does not start") }
      Thread.sleep(forTimeInterval: 0.01)
    }
    return [folder.appending(path: "client.py").path, socket]
  #else
    // Frameworks of macOS do not survive a fork.
    return ["-c"]
  #endif
}
