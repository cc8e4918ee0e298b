import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Runs the programs of Tests/Faults, which let the command fail and judge what it leaves behind.
///
/// By default a few calls of each kind are taken; with `TENSORFERRY_ALL_FAULTS=1` in the environment every one.
enum FaultBench {
  /// What the command is asked to do: every writer, and every kind of file that other commands write.
  static let jobs = ["h5", "safetensors", "pt", "npz", "gguf", "npy", "cast", "shards", "import", "predict", "reports"]
  static let conversions = ["h5", "safetensors", "pt", "npz", "gguf", "npy", "cast"]

  #if canImport(Glibc)
    static let isSupported = true
    /// Mounting a small file system is for the administrator alone.
    static let canMount = geteuid() == 0
  #else
    static let isSupported = false
    static let canMount = false
  #endif

  private static let folder = Project.root.appending(path: "Tests/Faults")

  /// The library that stands between the command and the C library, made once in a test run.
  private static let interposer = Result<URL, any Error> {
    let library = FileManager.default.temporaryDirectory.appending(path: "tensorferry-interposer-\(UUID()).so")
    let made = try run(
      URL(filePath: "/usr/bin/env"),
      [
        "clang", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", library.path,
        folder.appending(path: "interposer.c").path,
      ])
    try #require(made.status == 0, "\(made.errors)")
    return library
  }

  /// Runs a scenario on a job, prints how many faults it injected, and expects that no invariant was violated.
  static func expectNoViolation(_ script: String, _ scenario: String, _ job: String, atLeast count: Int) throws {
    let isFull = ProcessInfo.processInfo.environment["TENSORFERRY_ALL_FAULTS"] != nil
    let arguments = [scenario, job, Project.command.path, try interposer.get().path] + (isFull ? ["--full"] : [])
    let answer = try JSONValue(
      parsing: try python(script: folder.appending(path: script), arguments).trimmingCharacters(in: .newlines))
    let injected = try #require(answer["injected"]?.int)
    print("faults: \(injected) injected: \(scenario), \(job)")
    #expect(injected >= count)
    for violation in try #require(answer["violations"]?.array) { Issue.record("\(violation.string ?? "")") }
  }
}
