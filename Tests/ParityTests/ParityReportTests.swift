import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

@Suite("reports")
struct ParityReportTests {
  private static func report(corrupted: Bool) throws -> ParityReport {
    var scene = try MutationTests.scene("7-5-3 x 2")
    if corrupted { try MutationTests.Corruption.oneWeightScaled.apply(to: &scene.parameters) }
    return try scene.verify()
  }

  @Test("the JSON opens with its schema and lists the stages in forward order with the members of the schema")
  func json() throws {
    let json = try Self.report(corrupted: true).json
    #expect(json.members?.first == .init("schema", "tensorferry.verify/1"))
    #expect(json["verdict"]?.string == "MISMATCH_PROVEN")
    #expect(json["first_divergence"]?.string == "fc")
    let stages = try #require(json["stages"]?.array)
    #expect(
      stages.map { $0["name"]?.string } == ["fc", "attention_scores", "attention_weights", "attended_x", "output"])
    let members = [
      "name", "verdict", "blame", "compared", "nonfinite", "max_abs", "bound", "utilisation", "at", "reference", "ours",
      "oracle",
    ]
    for stage in stages {
      #expect(stage.members?.prefix(members.count).map(\.key) == members)
      #expect(stage["certificates"]?.array?.map { $0["id"]?.string } == ["weights", "reference", "engine"])
    }
  }

  @Test("the numbers of a diverging stage are those of its worst element")
  func numbers() throws {
    let report = try Self.report(corrupted: true)
    let stage = try #require(report.json["stages"]?.array?.first)
    let certificate = try #require(stage["certificates"]?.array?.first)
    // Two cases of 3 samples, 2 positions, 5 features; row 1 of the weight was changed.
    #expect(stage["compared"]?.int == 60)
    #expect(stage["at"]?.array?.last == JSONValue(1))
    #expect(stage["at"]?.array?.count == 3)
    #expect(stage["certificate"]?.string == "weights")
    let (utilisation, bound) = try (#require(stage["utilisation"]?.double), #require(stage["bound"]?.double))
    let (reference, oracle) = try (#require(stage["reference"]?.double), #require(stage["oracle"]?.double))
    #expect(utilisation > 1e6)
    #expect(utilisation == abs(reference - oracle) / bound)
    #expect(certificate["utilisation"] == stage["utilisation"])
  }

  @Test("the same comparison gives the same JSON twice, which reads back")
  func deterministic() throws {
    let text = try Self.report(corrupted: false).json.text(pretty: true)
    #expect(try Self.report(corrupted: false).json.text(pretty: true) == text)
    #expect(try JSONValue(parsing: text)["verdict"] != nil)
  }

  @Test("the text names the first stage that diverges, its element, both values and who is wrong")
  func text() throws {
    let text = try Self.report(corrupted: true).text
    let lines = text.split(separator: "\n")
    #expect(lines.count <= 25)
    #expect(text.contains("first divergence: stage 'fc', case 000"))
    #expect(text.contains("blame: reference: the reference was not produced by these weights in this arithmetic"))
    #expect(lines.last?.hasPrefix("RESULT  MISMATCH_PROVEN") == true)
    for name in ["fc", "attention_scores", "attention_weights", "attended_x", "output"] {
      #expect(lines.count { $0.hasPrefix(name + " ") } == 1)
    }
    #expect(lines.count { $0.contains(" engine ") } == 5)
  }

  @Test("the text of a model of many stages keeps to 25 lines and shows those that diverge")
  func manyStages() throws {
    var stages = [Stage("first", Softmax(axis: 1), .input("x"))]
    for index in 1..<40 {
      stages.append(Stage("stage \(index)", Softmax(axis: 1), .stage(stages.last!.name)))
    }
    let model = try ChainModel(stages: stages)
    var state = StateDict()
    state.metadata = [
      .init("format", "tensorferry.reference/1"), .init("model", .string(ChainModel.id)), .init("manifest", "{}"),
    ]
    let x = try Tensor([Float](repeating: 0.25, count: 8), shape: [2, 4])
    try state.append("cases.0000.inputs.x", LazyTensor(x))
    for stage in stages {
      let value: Float = stage.name == "stage 33" ? 0.26 : 0.25
      let tensor = try Tensor([Float](repeating: value, count: 8), shape: [2, 4])
      try state.append("cases.0000.stages.\(stage.name).f32", LazyTensor(tensor))
    }
    let report = try ReferenceBundle(state).verify(model)
    let lines = report.text.split(separator: "\n")
    #expect(report.firstDivergence?.name == "stage 33")
    #expect(lines.count <= 25)
    #expect(lines.contains { $0.hasPrefix("stage 33 ") && $0.hasSuffix("MISMATCH_PROVEN") })
    #expect(lines.contains { $0.hasPrefix("and 26 further stages") })
  }

  @Test("control characters in the name of a file do not reach the terminal")
  func escaped() throws {
    var reference = try #require(MutationTests.scene("7-5-3 x 2").references["right"])
    reference.origin = .init(path: "a\u{1B}[31m.h5", format: "hdf5", layout: nil, byteCount: 0)
    let text = try ReferenceBundle(reference).verify(MutationTests.scene("7-5-3 x 2").model).text
    #expect(!text.contains("\u{1B}"))
    #expect(text.contains("a\\u{1b}[31m.h5"))
  }
}
