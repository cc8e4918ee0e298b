import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files as people write them who have PyTorch and not our Python package: a few named arrays.
@Suite struct ArrayReferenceTests {
  /// Arrays of a classifier of 7-5-3 over 6 positions: `x` and the five stages, `.wide` in float64.
  private static let recorded = Result {
    try pythonTensors(
      recorder + """
        torch.manual_seed(5)
        p = parameters(7, 5, 3)
        x = torch.randn(4, 6, 7)
        for key, value in p.items(): emit("parameters/" + key, value)
        emit("x", x)
        for name, value in stages(p, x).items(): emit(name, value)
        for name, value in stages({k: v.double() for k, v in p.items()}, x.double()).items():
            emit(name + ".f64", value)
        """)
  }

  private let state: StateDict
  private let model: AttentionClassifier

  init() throws {
    state = try Self.recorded.get()
    var parameters: [String: Tensor] = [:]
    for element in state where element.name.hasPrefix("parameters/") {
      parameters[String(element.name.dropFirst(11))] = try element.tensor.read()
    }
    model = try AttentionClassifier(
      configuration: .init(inputSize: 7, hiddenSize: 5, classCount: 3), parameters: parameters)
  }

  private static let stages = ["fc", "attention_scores", "attention_weights", "attended_x", "output"]

  /// The arrays under other names, or the same.
  private func arrays(_ names: [String: String]) throws -> StateDict {
    var arrays = StateDict()
    for (name, source) in names.sorted(by: { $0.key < $1.key }) { try arrays.append(name, #require(state[source])) }
    return arrays
  }

  private func file(
    _ arrays: StateDict, _ format: any WeightFormat = .npz, ending: String = "npz",
    _ body: (ReferenceFile) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "reference." + ending)
      try arrays.write(to: url, format: format)
      try body(ReferenceFile(contentsOf: url))
    }
  }

  private func same(_ names: String...) -> [String: String] { Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }) }

  @Test(
    "all stages in float32 are judged each by itself, in every format",
    arguments: ["npz", "safetensors", "pt", "h5", "gguf"])
  func allStages(ending: String) throws {
    let formats: [String: any WeightFormat] = [
      "npz": .npz, "safetensors": .safetensors, "pt": PyTorchFormat(), "h5": .hdf5, "gguf": .gguf(),
    ]
    let arrays = try arrays(["x": "x"].merging(Self.stages.map { ($0, $0) }) { $1 })
    try file(arrays, #require(formats[ending]), ending: ending) { file in
      #expect(file.bundle == nil)
      let report = try file.bundle(of: model).verify(model)
      #expect(report.verdict == .explained, "\(report.text)")
      #expect(report.layout == .arrays && report.caseCount == 1)
      #expect(report.stages.allSatisfy { $0.span.isEmpty && $0.certificate(.reference).holds })
      #expect(report.remarks.contains { $0.contains("full precision is assumed") })
    }
  }

  @Test("the element type tells float32 from float64, with a suffix or without")
  func types() throws {
    let wide = Self.stages.map { ($0 == "fc" ? "fc" : $0 + ".f64", $0 + ".f64") }
    let single = Self.stages.map { ($0 + ($0 == "fc" ? ".f32" : ""), $0) }
    let arrays = try arrays(["x": "x"].merging(wide + single) { $1 })
    try file(arrays) { file in
      let report = try file.bundle(of: model).verify(model)
      #expect(report.verdict.isParity, "\(report.text)")
      #expect(report.stages.allSatisfy { $0.certificate(.weights).holds && $0.notes.isEmpty })
    }
  }

  @Test("where only the output is there, agreement is undecided, by a bound over all stages")
  func outputOnly() throws {
    try file(arrays(same("x", "output"))) { file in
      let report = try file.bundle(of: model).verify(model)
      #expect(report.verdict == .inconclusive)
      let output = try #require(report.stages.last)
      #expect(output.span == Array(Self.stages.dropLast()))
      #expect(output.certificate(.reference).holds && output.certificate(.engine).holds && output.compared == 12)
      #expect(output.deciding.utilisation < 1)
      #expect(output.remarks.contains { $0.contains("the bound is wide and proves no parameter") })
      #expect(report.remarks.contains { $0.contains("of 5 stages one is recorded") })
      #expect(try file.bundle(of: model).decisions(of: model).equal == 4)
    }
  }

  @Test("the bound over the stages that are not recorded begins at the last recorded ones")
  func spans() throws {
    func bound(_ names: String...) throws -> Double {
      var bound = Double.nan
      try file(arrays(Dictionary(uniqueKeysWithValues: (names + ["x", "output"]).map { ($0, $0) }))) { file in
        let output = try #require(try file.bundle(of: model).verify(model).stages.last)
        #expect(output.certificate(.reference).holds && output.verdict == .inconclusive)
        bound = try #require(output.certificate(.reference).worst?.bound)
      }
      return bound
    }
    let (none, first, most) = try (bound(), bound("fc"), bound("fc", "attention_weights"))
    #expect(none > first && first > most, "\(none) \(first) \(most)")
  }

  @Test("an output beyond the bound of a whole pass is refuted, in float32 and in float64", arguments: ["", ".f64"])
  func refuted(suffix: String) throws {
    let weights = try #require(model.parameters["fc.weight"]?.values)
    let changed = try model.with(
      weights[9] + (suffix.isEmpty ? 0.1 : 1e-9 + 2 * weights[9].ulp), at: 9, of: "fc.weight")
    try file(arrays(["x": "x", "output" + suffix: "output" + suffix])) { file in
      #expect(try file.bundle(of: model).verify(model).verdict == .inconclusive)
      let report = try file.bundle(of: changed).verify(changed)
      #expect(report.verdict == .mismatchProven && report.blame == .reference)
      #expect(report.firstDivergence?.name == "output")
      #expect(report.text.contains("stage 'output', or one before it that is not recorded"))
      #expect(report.text.split(separator: "\n").count <= 25)
    }
  }

  @Test("several cases have the names of a bundle")
  func cases() throws {
    var names = ["cases.0000.inputs.x": "x", "cases.0003.inputs.x": "x"]
    for stage in Self.stages { names["cases.0003.stages.\(stage).f32"] = stage }
    try file(arrays(names)) { file in
      let bundle = try file.bundle(of: model)
      #expect(bundle.cases.map(\.name) == ["0000", "0003"])
      #expect(try bundle.verify(model).verdict == .inconclusive)
    }
  }

  static let refused: [(ParityError.Code, [String: String], String)] = [
    (.unexpectedName, ["x": "x", "labels": "x"], "any of fc, attention_scores"),
    (.unexpectedName, ["x": "x", "fc.f16": "fc"], "'fc.f16'"),
    (.unexpectedName, ["x": "x", "fc": "fc", "fc.f32": "fc"], "stage 'fc' is there twice in F32"),
    (.wrongType, ["x": "x", "fc.f64": "fc"], "must be F64, it is F32"),
    (.wrongType, ["x": "fc.f64", "fc": "fc"], "must be F32, it is F64"),
    (.missingInput, ["output": "output"], "'cases.0000.inputs.x'"),
    (.stageShape, ["x": "x", "fc": "output"], "has shape [4, 3], the model gives [4, 6, 5]"),
  ]

  @Test("what is no reference of the model is refused", arguments: refused.indices)
  func refusal(_ index: Int) throws {
    let (code, names, fact) = Self.refused[index]
    let error = #expect(throws: ParityError.self) {
      try file(arrays(names)) { _ = try $0.bundle(of: model).verify(model) }
    }
    #expect(error?.code == code)
    #expect(error?.description.contains(fact) == true, "\(error?.description ?? "")")
  }

  @Test("a file that names another model is refused")
  func otherModel() throws {
    var arrays = try arrays(same("x", "output"))
    arrays.metadata = [.init("model", "SelfAttention/1")]
    let error = #expect(throws: ParityError.self) {
      try file(arrays, .safetensors, ending: "safetensors") { _ = try $0.bundle(of: model) }
    }
    #expect(error?.code == .otherModel)
  }
}

extension StageReport {
  func certificate(_ kind: Certificate.Kind) -> Certificate { certificates.first { $0.kind == kind } ?? deciding }
}
