import TensorFerryTestSupport
import Testing

/// The world around the command fails it. What must hold then is in Tests/Faults/invariants.py.
@Suite(.enabled(if: FaultBench.isSupported, "processes are watched through /proc, on Linux"))
struct SurroundingsTests {
  private func expectNoViolation(_ scenario: String, _ job: String, atLeast count: Int) throws {
    try FaultBench.expectNoViolation("surroundings.py", scenario, job, atLeast: count)
  }

  @Test(
    "a source that is changed, grown, shrunk, replaced or removed while it is read gives its first content or an error",
    arguments: FaultBench.conversions)
  func changes(job: String) throws { try expectNoViolation("changes", job, atLeast: 6) }

  @Test("SIGINT, SIGTERM and SIGHUP leave nothing behind", arguments: FaultBench.conversions + ["shards", "import"])
  func signals(job: String) throws { try expectNoViolation("signals", job, atLeast: 4) }

  @Test("of two converters to one output one has it whole, and the other says so", arguments: FaultBench.conversions)
  func rivals(job: String) throws { try expectNoViolation("rivals", job, atLeast: 8) }

  @Test("limits of file size and of descriptors end in an error or in the output", arguments: FaultBench.jobs)
  func limits(job: String) throws { try expectNoViolation("limits", job, atLeast: 8) }

  @Test("a tensor larger than the address space is streamed, and the process ends")
  func addressSpace() throws { try expectNoViolation("address_space", "safetensors", atLeast: 3) }

  @Test(
    "directories, links, locks and folders without permission in the way of the output",
    arguments: FaultBench.conversions + ["import", "predict"])
  func places(job: String) throws { try expectNoViolation("places", job, atLeast: 10) }

  @Test(
    "a disk that is too small is told before the first byte or at the write that fails, and nothing is left",
    .enabled(if: FaultBench.canMount, "mounting a small file system takes root"), arguments: FaultBench.jobs)
  func fullDisk(job: String) throws { try expectNoViolation("full_disk", job, atLeast: 3) }
}
