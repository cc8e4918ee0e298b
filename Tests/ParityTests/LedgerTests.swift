import TensorFerryModels
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What a verdict takes for granted, and what speaks for it.
@Suite("ledger")
struct LedgerTests {
  /// The report on a reference of 7-5-3 with another manifest and other values.
  private static func report(
    _ manifest: String? = nil, _ change: (String, Tensor) throws -> Tensor? = { $1 }
  ) throws -> ParityReport {
    let scene = try MutationTests.scene("7-5-3 x 2")
    let recorded = scene.references["right"]!
    var state = StateDict()
    state.metadata = recorded.metadata.map { member in
      manifest.flatMap { member.key == "manifest" ? .init("manifest", .string($0)) : nil } ?? member
    }
    for element in recorded {
      if let tensor = try change(element.name, element.tensor.read()) {
        try state.append(element.name, LazyTensor(tensor))
      }
    }
    return try ReferenceBundle(state).verify(scene.model)
  }

  private static func entry(_ id: String, _ report: ParityReport) throws -> Assumption {
    try #require(report.ledger.first { $0.id == id })
  }

  @Test("what the recorder writes checks all but A2 and A3, which nothing can check")
  func recorded() throws {
    let recording = try Recording.named(.sequence)
    let report = try verify(recording.model, recording.bundle())
    #expect(report.ledger.map(\.id) == ["A1", "A2", "A3", "A4", "A5", "A6"])
    #expect(report.ledger.map(\.status) == [.checked, .assumed, .assumed, .checked, .checked, .checked])
    #expect(report.ledger.allSatisfy { !$0.statement.isEmpty && !$0.evidence.isEmpty })
  }

  @Test("an empty manifest leaves to assume what it would tell")
  func emptyManifest() throws {
    let report = try Self.report("{}")
    #expect(report.ledger.map(\.status) == [.assumed, .assumed, .assumed, .checked, .assumed, .assumed])
  }

  @Test("less precise products violate A1, in the text as well", arguments: ["medium", "high"])
  func precision(value: String) throws {
    let report = try Self.report(#"{"matmul_precision":"\#(value)","device":"cpu"}"#)
    #expect(try Self.entry("A1", report).status == .violated)
    #expect(
      report.text.contains("assumed   A1 does not hold (see --explain): the manifest says that matmul_precision is"))
    #expect(report.text.split(separator: "\n").count <= 25)
    #expect(report.explanation.contains("A1  violated"))
  }

  @Test("full precision elsewhere than on a CPU is assumed")
  func device() throws {
    let entry = try Self.entry("A1", Self.report(#"{"matmul_precision":"highest","device":"cuda:0"}"#))
    #expect(entry.status == .assumed && entry.evidence.contains("cuda:0"))
  }

  @Test(
    "other switches of precision count, too",
    arguments: [(#""autocast":true"#, "violated"), (#""autocast":false"#, "checked")]
      + [(#""fp32_precision":"bf16""#, "violated"), (#""fp32_precision":"ieee""#, "checked")])
  func switches(member: String, status: String) throws {
    let report = try Self.report(#"{"matmul_precision":"highest","device":"cpu",\#(member)}"#)
    #expect(try Self.entry("A1", report).status.rawValue == status)
  }

  @Test("a value that is not finite violates A4", arguments: [Double.nan, .infinity])
  func notFinite(value: Double) throws {
    let report = try Self.report { name, tensor in
      name == "cases.0000.stages.fc.f32" ? try tensor.replacing(3, with: value) : tensor
    }
    let entry = try Self.entry("A4", report)
    #expect(entry.status == .violated && entry.evidence.hasPrefix("1 values of stage 'fc'"))
  }

  @Test("A5 is known either way if the manifest tells", arguments: [true, false])
  func flushed(isFlushed: Bool) throws {
    let entry = try Self.entry("A5", Self.report(#"{"flush_denormal":\#(isFlushed)}"#))
    #expect(entry.status == .checked && entry.evidence.contains(isFlushed ? "flushed to 0" : "kept"))
  }

  @Test("a stage that is not recorded, or does not follow from those before it, leaves A6 assumed")
  func chain() throws {
    let missing = try Self.report { name, tensor in name.hasSuffix("attended_x.f32") ? nil : tensor }
    #expect(try Self.entry("A6", missing).evidence.hasPrefix("not every stage is recorded"))
    let broken = try Self.report { name, tensor in
      name == "cases.0000.stages.attended_x.f32" ? try tensor.replacing(0, with: 9) : tensor
    }
    #expect(try Self.entry("A6", broken).evidence.hasPrefix("stage 'attended_x' does not follow"))
    #expect(try [missing, broken].allSatisfy { try Self.entry("A6", $0).status == .assumed })
  }

  @Test("the ledger is always in the JSON")
  func json() throws {
    let entries = try #require(Self.report().json["assumptions"]?.array)
    #expect(
      entries.map { $0.members?.map(\.key) } == Array(repeating: ["id", "statement", "status", "evidence"], count: 6))
  }

  @Test("control characters in a manifest do not reach the terminal")
  func escaped() throws {
    let report = try Self.report(#"{"matmul_precision":"\u001b[31m","device":"\u001b[2J"}"#)
    #expect(!(report.text + report.explanation).contains("\u{1B}"))
  }

  private func verify(_ model: some ImportableModel, _ bundle: ReferenceBundle) throws -> ParityReport {
    try bundle.verify(model)
  }
}
