import TensorFerryTestSupport
import Testing

/// Single calls fail, or the process ends in front of them. What must hold then is in Tests/Faults/invariants.py.
@Suite(.enabled(if: FaultBench.isSupported, "calls are intercepted on Linux with glibc"))
struct FaultInjectionTests {
  private func expectNoViolation(_ scenario: String, _ job: String, atLeast count: Int) throws {
    try FaultBench.expectNoViolation("faults.py", scenario, job, atLeast: count)
  }

  @Test("a call that fails, in any way, leaves all of the output or none of it", arguments: FaultBench.jobs)
  func errors(job: String) throws { try expectNoViolation("errors", job, atLeast: 20) }

  @Test(
    "a process that is killed in front of any call leaves no half output, and the next run tells what it left",
    arguments: FaultBench.jobs)
  func kills(job: String) throws { try expectNoViolation("kills", job, atLeast: 8) }

  @Test("a process that is killed at any moment leaves no half output", arguments: FaultBench.jobs)
  func moments(job: String) throws { try expectNoViolation("moments", job, atLeast: 6) }

  @Test("a process that gets no memory leaves no half output", arguments: FaultBench.jobs)
  func memory(job: String) throws { try expectNoViolation("memory", job, atLeast: 1) }
}
