import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What becomes of references that lack something, of numbers that are not finite, and of an engine that is wrong; on
/// a model of 7-5-3 with two cases, as PyTorch recorded them.
@Suite("verdicts")
struct VerdictTests {
  private static func reference(_ change: (String, Tensor) throws -> Tensor? = { $1 }) throws -> StateDict {
    let recorded = try scene().references["right"]!
    var changed = StateDict()
    changed.metadata = recorded.metadata
    for element in recorded {
      if let tensor = try change(element.name, element.tensor.read()) {
        try changed.append(element.name, LazyTensor(tensor))
      }
    }
    return changed
  }

  private static func scene() throws -> Scene { try MutationTests.scene("7-5-3 x 2") }

  private static func verify(_ reference: StateDict) throws -> ParityReport {
    try ReferenceBundle(reference).verify(scene().model)
  }

  private static func verdicts(_ report: ParityReport) -> [Verdict] { report.stages.map(\.verdict) }

  @Test("a verdict is as bad as its place in the list, and MISMATCH_PROVEN is the worst")
  func order() {
    #expect(
      Verdict.allCases.sorted().map(\.rawValue) == [
        "IDENTICAL", "TYPICAL", "EXPLAINED", "INCONCLUSIVE", "MISMATCH_PROVEN",
      ])
    #expect(Verdict.allCases.filter(\.isParity) == [.identical, .typical, .explained])
  }

  @Test("our own float32 values as the reference are identical")
  func identical() throws {
    let model = try Self.scene().model
    let report = try Self.verify(Self.forced(on: model))
    #expect(report.verdict == .identical)
    #expect(report.stages.allSatisfy { $0.isIdentical })
  }

  @Test("without float64 the verdict is at most EXPLAINED, and says so")
  func withoutFloat64() throws {
    let model = try Self.scene().model
    let recorded = try Self.forced(on: model)
    var changed = StateDict()
    changed.metadata = recorded.metadata
    for element in recorded where !element.name.hasSuffix(".f64") { try changed.append(element.name, element.tensor) }
    let report = try Self.verify(changed)
    #expect(report.verdict == .explained)
    #expect(report.stages[0].remarks.first == "case 0000 lacks the float64 values of stage 'fc'")
  }

  @Test("a stage that is missing in one case is inconclusive, and so are the stages that it feeds")
  func missingStage() throws {
    let report = try Self.verify(Self.reference { $0 == "cases.0001.stages.attention_scores.f32" ? nil : $1 })
    #expect(Self.verdicts(report).map { $0 == .inconclusive } == [false, true, true, false, false])
    #expect(report.verdict == .inconclusive)
    #expect(report.stages[1].remarks == ["case 0001 lacks the float32 values of stage 'attention_scores'"])
    #expect(
      report.stages[2].remarks == [
        "judged together with attention_scores, which are not recorded: the bound is wide and proves no parameter"
      ])
    #expect(report.stages[2].span == ["attention_scores"])
  }

  @Test("a reference without cases is inconclusive")
  func noCases() throws {
    let report = try Self.verify(Self.reference { _, _ in nil })
    #expect(report.verdict == .inconclusive)
    #expect(report.compared == 0)
  }

  @Test("cases without samples are inconclusive")
  func noSamples() throws {
    let report = try Self.verify(
      Self.reference { _, tensor in
        try Tensor(dtype: tensor.dtype, shape: Shape([0] + tensor.shape.dimensions.dropFirst()), bytes: [])
      })
    #expect(report.verdict == .inconclusive)
    #expect(report.stages[0].remarks == ["there are no values to compare"])
  }

  @Test("a value that is not finite is never a pass", arguments: [Double.nan, .infinity, -.infinity], ["f32", "f64"])
  func notFinite(value: Double, kind: String) throws {
    let report = try Self.verify(
      Self.reference { name, tensor in
        guard name == "cases.0000.stages.fc.\(kind)" else { return tensor }
        return try tensor.replacing(3, with: value)
      })
    #expect(report.stages[0].verdict == .inconclusive)
    #expect(report.verdict == .inconclusive)
    #expect(report.stages[0].deciding.utilisation.isNaN)
    #expect(report.stages[0].certificates.map(\.nonfinite).max() == 1)
  }

  @Test("a mismatch stays proven beside a value that is not finite")
  func mismatchAboveNaN() throws {
    let report = try Self.verify(
      Self.reference { name, tensor in
        guard name == "cases.0000.stages.fc.f32" else { return tensor }
        return try tensor.replacing(3, with: .nan).replacing(4, with: 1e6)
      })
    #expect(report.verdict == .mismatchProven)
    #expect(report.firstDivergence?.deciding.worst?.index == [0, 0, 4])
    #expect(report.firstDivergence?.deciding.worst?.reference == 1e6)
  }

  @Test("a weight that is NaN is never a pass")
  func weightNaN() throws {
    var scene = try Self.scene()
    scene.parameters["fc.weight"] = try scene.parameters["fc.weight"]!.replacing(9, with: .nan)
    #expect(try scene.verify().stages[0].verdict == .inconclusive)
  }

  @Test("an engine that is off is blamed, and the reference is not")
  func engineBlamed() throws {
    let report = try ReferenceBundle(Self.reference()).verify(OffModel(Self.scene().model))
    #expect(report.verdict == .mismatchProven)
    #expect(report.blame == .engine)
    #expect(report.firstDivergence?.name == "fc")
    #expect(report.firstDivergence?.deciding.kind == .engine)
  }

  @Test("both sides are blamed if both are off")
  func bothBlamed() throws {
    var scene = try Self.scene()
    try MutationTests.Corruption.fcInBFloat16.apply(to: &scene.parameters)
    #expect(try ReferenceBundle(Self.reference()).verify(OffModel(scene.model)).blame == .both)
  }

  @Test("a reference that was recorded with less precision is blamed even if its float64 values are right")
  func lowPrecisionReference() throws {
    let report = try Self.verify(
      Self.reference { name, tensor in
        guard name == "cases.0001.stages.fc.f32" else { return tensor }
        return try Tensor(tensor.floats().map { BFloat16.widen(BFloat16.narrow($0)) }, shape: tensor.shape)
      })
    #expect(report.firstDivergence?.name == "fc")
    #expect(report.firstDivergence?.certificates.map(\.isRefuted) == [false, true, false])
    #expect(report.blame == .reference)
  }

  @Test("where the reference flushed subnormal numbers to 0 and some are read, nothing is proven")
  func flushedSubnormals() throws {
    var reference = try Self.reference()
    reference.metadata = reference.metadata.map {
      $0.key == "manifest" ? .init("manifest", #"{"flush_denormal":true}"#) : $0
    }
    #expect(try Self.verify(reference).verdict.isParity)
    var scene = try Self.scene()
    scene.parameters["fc.bias"] = try scene.parameters["fc.bias"]!.replacing(0, with: 0x1p-130)
    let report = try ReferenceBundle(reference).verify(scene.model)
    #expect(report.stages[0].certificates[1].utilisation.isNaN)
  }

  /// A reference whose float32 stages are what our engine gives for the recorded inputs of each.
  private static func forced(on model: AttentionClassifier) throws -> StateDict {
    let x = try reference()["cases.0000.inputs.x"]!.read()
    let single = try model.run(["x": x])
    var values: [ValueName: ArrayView<Double>] = [.input("x"): try ArrayView(x.doubles(), shape: x.shape)]
    for (name, view) in model.parameters { values[.parameter(name)] = try view.widened() }
    let double = try model.graph.evaluate(values)
    var forced = StateDict()
    forced.metadata = try reference().metadata
    try forced.append("cases.0000.inputs.x", LazyTensor(x))
    for stage in model.graph.stages {
      let wide = double[.stage(stage.name)]!
      try forced.append("cases.0000.stages.\(stage.name).f32", LazyTensor(single[stage.name]!))
      try forced.append("cases.0000.stages.\(stage.name).f64", LazyTensor(Tensor(wide.values, shape: wide.shape)))
    }
    return forced
  }
}

extension Tensor {
  func replacing(_ offset: Int, with value: Double) throws -> Tensor {
    var values = try doubles()
    values[offset] = value
    return try dtype == .f64 ? Tensor(values, shape: shape) : Tensor(values.map { Float($0) }, shape: shape)
  }
}
