import Foundation
import TensorFerryTestSupport
import Testing

@Suite struct VersionTests {
  @Test("--version --verbose names the C libraries that see bytes of files, with their versions and tasks")
  func verbose() throws {
    let ran = try tensorferry("--version", "--verbose")
    #expect(ran.status == 0 && ran.errors.isEmpty)
    let lines = ran.output.split(separator: "\n").map(String.init)
    let plain = try tensorferry("--version").output
    #expect(lines.first == "tensorferry " + plain.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(lines.dropFirst().contains { $0.contains(/^libhdf5 \d+\.\d+\.\d+: writes/) })
    #expect(lines.dropFirst().contains { $0.contains(/^zlib \d+\.\d+/) })
  }

  @Test(
    "an answer that cannot be printed is an error",
    .enabled(if: VersionTests.hasFullDevice, "there is /dev/full on Linux"))
  func unprintable() throws {
    let script = "exec '\(Project.command.path)' inspect '\(Project.fixture("hdf5/tied.h5").path)' > /dev/full"
    let ran = try run(URL(filePath: "/bin/sh"), ["-c", script])
    #expect(ran.status == 2)
    #expect(ran.errors.contains("cannot print the answer"))
  }

  private static let hasFullDevice = FileManager.default.fileExists(atPath: "/dev/full")
}
