import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A hostile HDF5 file of `Tests/Hostile`, and how a conversion of it by the command ended.
struct HDF5Attack: CustomTestStringConvertible, Sendable {
  let name: String
  let what: String
  /// `read`, `refused`, or `told`: nothing in it is a tensor, and the answer says what is not carried over.
  let outcome: String
  /// What was not as it should be, one sentence for each file.
  let wrong: [String]

  var testDescription: String { "\(name) \(what)" }

  /// All cases, from one run, in which each file is converted by a process of its own.
  static let all = Result<[HDF5Attack], any Error> {
    let answer = try python(
      script: Project.root.appending(path: "Tests/Hostile/run.py"), [Project.command.path])
    return try #require(try JSONValue(parsing: answer.trimmingCharacters(in: .whitespacesAndNewlines)).array).map {
      HDF5Attack(
        name: try #require($0["name"]?.string), what: try #require($0["what"]?.string),
        outcome: try #require($0["outcome"]?.string), wrong: ($0["wrong"]?.array ?? []).map { $0.string ?? "" })
    }
  }
}

/// A folder of hostile HDF5 files that this project does not hold, for example a clone of HDFGroup/cve_hdf5.
private let corpus = ProcessInfo.processInfo.environment["TENSORFERRY_CORPUS"]

/// H501 to H542. The command must end, with its right values or a typed error, within 5 seconds of the processor and
/// 64 MiB; no byte of a canary file may come out; and the system calls must show no file opened but the source, the
/// output, its temporary file and their directory.
@Suite struct HDF5AttackTests {
  @Test("a hostile HDF5 file ends in an error or in its right value", arguments: 1...42)
  func ends(number: Int) throws {
    let name = "H5\(number < 10 ? "0" : "")\(number)"
    let attacks = try HDF5Attack.all.get().filter { $0.name == name }
    #expect(!attacks.isEmpty)
    for attack in attacks { #expect(attack.wrong.isEmpty, "\(attack.testDescription): \(attack.wrong)") }
  }

  @Test(
    "the command outlives a folder of hostile files, and writes only what h5py reads, too",
    .enabled(if: corpus != nil, "TENSORFERRY_CORPUS names no folder"))
  func foreign() throws {
    let told = try python(
      script: Project.root.appending(path: "Tests/Hostile/corpus.py"),
      [Project.command.path, try #require(corpus)])
    print(told)
    #expect(told.contains("the command never died, never hung, and gave every reason"))
  }
}
