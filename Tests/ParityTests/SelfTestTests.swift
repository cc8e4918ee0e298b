import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

@Suite("self-test")
struct SelfTestTests {
  private static func run(
    _ name: Recording.Name, seed: UInt64 = 0, where isKept: (String) -> Bool = { _ in true }
  ) throws -> SelfTest {
    let recording = try Recording.named(name)
    return try recording.bundle(where: isKept).selfTest(of: recording.model, seed: seed)
  }

  @Test("a complete reference exposes every corruption", arguments: [Recording.Name.vector, .sequence, .attention])
  func complete(name: Recording.Name) throws {
    let result = try Self.run(name)
    #expect(result.killed == result.total, "\(result.classes.flatMap(\.missed))")
    // One unit of the last place is the least that can be done to a number.
    let ulp = try #require(result.classes.first { $0.name == "one_ulp" })
    #expect(ulp.total >= 4 * 6)
    #expect(try #require(ulp.smallest?.size) < 1e-6)
    #expect(result.smallest == ulp.smallest)
  }

  @Test("without float64 the smallest corruptions are missed, and those that are gross are not")
  func float32Only() throws {
    let result = try Self.run(.sequence) { !$0.hasSuffix(".f64") }
    func of(_ name: String) throws -> SelfTest.Class { try #require(result.classes.first { $0.name == name }) }
    #expect(try of("one_ulp").killed < of("one_ulp").total)
    #expect(try of("one_ulp").missed.count == of("one_ulp").total - of("one_ulp").killed)
    for name in ["bias_zeroed", "rows_swapped", "columns_swapped", "stage_bypassed", "bfloat16"] {
      #expect(try of(name).killed == of(name).total, "\(name)")
      #expect(try of(name).total > 0)
    }
  }

  @Test("what is done to a stage that is not recorded is missed, and nothing else")
  func missed() throws {
    let result = try Self.run(.sequence) { !$0.contains(".stages.output.") && $0 != "probes.output.f64" }
    let missed = result.classes.flatMap(\.missed)
    #expect(!missed.isEmpty)
    #expect(missed.allSatisfy { $0.stage == "output" })
  }

  @Test("only square parts are transposed")
  func transposed() throws {
    #expect(try Self.run(.sequence).classes.allSatisfy { $0.name != "transposed" })
    // Three projections in one parameter, and that of the output.
    #expect(try Self.run(.attention).classes.first { $0.name == "transposed" }?.total == 4)
  }

  @Test("the seed determines the corruptions")
  func seed() throws {
    let first = try Self.run(.sequence, seed: 3)
    #expect(try Self.run(.sequence, seed: 3) == first)
    #expect(try Self.run(.sequence, seed: 4).classes != first.classes)
  }

  @Test("the report tells the rate in text and by class in JSON")
  func report() throws {
    let recording = try Recording.named(.sequence)
    let bundle = try recording.bundle { !$0.hasSuffix(".f64") }
    var report = try bundle.verify(recording.model)
    report.selfTest = try bundle.selfTest(of: recording.model, seed: 9)
    #expect(report.text.contains("corruptions are exposed (seed 9)"))
    #expect(report.text.contains("  missed: "))
    let json = try #require(report.json["self_test"])
    #expect(json["seed"]?.int == 9)
    #expect(json["classes"]?.array?.first?["class"]?.string == "one_ulp")
    #expect(json["killed"]?.int == report.selfTest?.killed)
  }
}
