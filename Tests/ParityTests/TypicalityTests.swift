import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

/// Which differences are usual, on what PyTorch recorded in this run.
@Suite("typicality")
struct TypicalityTests {
  private static func changed(_ change: (String, Tensor) throws -> Tensor?) throws -> ParityReport {
    let scene = try MutationTests.scene("7-5-3 x 2")
    var state = StateDict()
    state.metadata = scene.references["right"]!.metadata
    for element in scene.references["right"]! {
      if let tensor = try change(element.name, element.tensor.read()) {
        try state.append(element.name, LazyTensor(tensor))
      }
    }
    return try ReferenceBundle(state).verify(scene.model)
  }

  @Test("what PyTorch recorded is typical, or identical, in every stage", arguments: Recording.Name.allCases)
  func recorded(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    let report = try verify(recording.model, recording.bundle())
    #expect(report.verdict <= .typical, "\(report.text)")
    #expect(report.stages.allSatisfy { $0.verdict <= .typical })
    for certificate in report.stages.flatMap(\.certificates) {
      let (largest, rms) = try (#require(certificate.scores.max), #require(certificate.scores.rms))
      #expect(rms <= largest && largest < 7)
    }
  }

  /// 40 steps of 2^-24 at a sum of 7 products are within what 8 roundings of each can do, and far from usual.
  @Test("a difference within its bound that is not usual is explained, and told")
  func unusual() throws {
    let clean = try MutationTests.scene("7-5-3 x 2").verify()
    let bound = try #require(clean.stages[0].certificates[1].worst?.bound)
    let report = try Self.changed { name, tensor in
      guard name == "cases.0001.stages.fc.f32" else { return tensor }
      let value = try tensor.doubles()[7]
      return try tensor.replacing(7, with: value + 0.9 * bound)
    }
    #expect(report.stages[0].certificates.allSatisfy { $0.holds })
    let largest = try #require(report.stages[0].certificates[1].scores.largest)
    #expect(largest.caseName == "0001" && largest.index == [0, 1, 2])
    let isUnusual = largest.score > Scores.threshold
    #expect(report.stages[0].verdict == (isUnusual ? .explained : .typical))
    #expect(isUnusual == report.stages[0].remarks.contains { $0.hasPrefix("unusual for rounding: ") })
  }

  @Test(
    "a difference of so many deviations, within its bound: typical up to the threshold and no more",
    arguments: [9.0, 11])
  func threshold(deviations: Double) throws {
    // 400 features: the bound is far above the threshold.
    let x = try Tensor((0..<400).map { Float(($0 * 37) % 19) / 19 - 0.5 }, shape: [1, 400])
    let weight = try Tensor((0..<400).map { Float(($0 * 53) % 23) / 23 - 0.5 }, shape: [1, 400])
    let views = try [x, weight].map { try ArrayView($0.doubles(), shape: $0.shape) }
    var workspace = Workspace()
    let oracle = try Stage("sum", Linear()).evaluate(views, &workspace)
    let deviation = try #require(try Linear().deviation(views, output: oracle, .float32))[0]
    var state = StateDict()
    state.metadata = [
      .init("format", "tensorferry.reference/1"), .init("model", .string(SumModel.id)), .init("manifest", "{}"),
    ]
    let result = try Tensor([Float(oracle[0] + deviations * deviation)], shape: [1, 1])
    try state.append("cases.0000.inputs.x", LazyTensor(x))
    try state.append("cases.0000.stages.sum.f32", LazyTensor(result))
    try state.append("cases.0000.stages.sum.f64", LazyTensor(Tensor([oracle[0]], shape: [1, 1])))
    let report = try ReferenceBundle(state).verify(SumModel(configuration: .init(), parameters: ["weight": weight]))
    #expect(report.verdict == (deviations < 10 ? .typical : .explained), "\(report.text)")
    let score = try #require(report.stages[0].certificates[1].scores.max)
    #expect(abs(score - deviations) < 1)
    #expect(report.text.contains("unusual for rounding: ") == (deviations > 10))
  }

  @Test("weights through bfloat16 are off by hundreds of deviations, where they exceed the bound by little")
  func bfloat16() throws {
    var scene = try MutationTests.scene("784-256-10 x 49")
    try MutationTests.Corruption.fcInBFloat16.apply(to: &scene.parameters)
    let reference = try scene.verify().stages[0].certificates[1]
    #expect(try #require(reference.scores.rms) > 300)
    #expect(reference.utilisation < 30)
  }

  @Test("an operator that does not know what is usual leaves its stage explained, and says so")
  func unknown() throws {
    let report = try MutationTests.scene("7-5-3 x 2").references["right"]!
    let model = try UnknownModel(MutationTests.scene("7-5-3 x 2").model)
    let verified = try ReferenceBundle(report).verify(model)
    #expect(verified.stages[0].verdict == .explained || verified.stages[0].isIdentical)
    #expect(verified.stages[0].remarks.contains { $0.hasPrefix("what is usual for its rounding is not known") })
    #expect(verified.stages[0].certificates.allSatisfy { $0.scores.max == nil && $0.scores.rms == nil })
    #expect(verified.json["stages"]?.array?[0]["certificates"]?.array?[1]["z_max"] == .null)
  }

  @Test("a NaN is never typical, and its score is NaN")
  func notANumber() throws {
    let report = try Self.changed { name, tensor in
      name == "cases.0000.stages.fc.f32" ? try tensor.replacing(3, with: .nan) : tensor
    }
    let scores = report.stages[0].certificates[1].scores
    #expect(!scores.isTypical && scores.max?.isNaN == true)
    #expect(report.stages[0].verdict == .inconclusive)
  }

  @Test("without float64 there is less evidence: nothing is typical")
  func withoutFloat64() throws {
    let report = try Self.changed { $0.hasSuffix(".f64") ? nil : $1 }
    #expect(report.stages.allSatisfy { $0.verdict == .explained })
  }

  @Test("computed weights are explained: how they were rounded is not known")
  func computed() throws {
    let scene = try MutationTests.scene("7-5-3 x 2")
    let report = try ReferenceBundle(scene.references["right"]!).verify(scene.model, computed: ["fc.weight": 1e-6])
    #expect(report.stages[0].certificates.map { $0.scores.max == nil } == [true, true, false])
    #expect(report.stages[0].verdict == .explained || report.stages[0].isIdentical)
  }

  @Test("probe rows have scores, too")
  func probes() throws {
    let recording = try Recording.named(.sequence)
    let bare = try verify(recording.model, recording.bundle { !$0.hasPrefix("probes.") })
    let probed = try verify(recording.model, recording.bundle())
    #expect(probed.stages[0].certificates[0].scores.count > bare.stages[0].certificates[0].scores.count)
    #expect(probed.stages[0].certificates[0].scores.count == probed.stages[0].certificates[0].compared)
  }

  @Test("every certificate has z_max and z_rms in JSON")
  func json() throws {
    let json = try MutationTests.scene("7-5-3 x 2").verify().json
    for certificate in json["stages"]?.array?.flatMap({ $0["certificates"]?.array ?? [] }) ?? [] {
      #expect(certificate["z_max"]?.double != nil && certificate["z_rms"]?.double != nil)
    }
  }

  private func verify(_ model: some ImportableModel, _ bundle: ReferenceBundle) throws -> ParityReport {
    try bundle.verify(model)
  }
}

/// One sum of 400 products.
private struct SumModel: Model {
  struct Configuration: ModelConfiguration {
    init() {}
    init(json: JSONValue) throws {}
    var json: JSONValue { .object([]) }
  }

  static let id = "Sum/1"
  let configuration: Configuration
  let graph: StageGraph
  let parameters: [String: ArrayView<Float>]

  init(configuration: Configuration, parameters: [String: Tensor]) throws {
    self.configuration = configuration
    graph = try Self.graph(for: configuration)
    self.parameters = try graph.load(parameters)
  }

  static func graph(for configuration: Configuration) throws -> StageGraph {
    try StageGraph(
      inputs: [InputSpec("x", ["batch", "features"])],
      parameters: [ParameterSpec("weight", [1, 400])],
      stages: [Stage("sum", Linear(), .input("x"), .parameter("weight"))], output: "sum")
  }
}

/// The classifier with a first layer that does not know what is usual.
private struct UnknownModel: Model {
  static let id = AttentionClassifier.id
  let configuration: AttentionClassifier.Configuration
  let graph: StageGraph
  let parameters: [String: ArrayView<Float>]

  init(configuration: AttentionClassifier.Configuration, parameters: [String: Tensor]) throws {
    try self.init(AttentionClassifier(configuration: configuration, parameters: parameters))
  }

  init(_ model: AttentionClassifier) throws {
    configuration = model.configuration
    graph = try Self.graph(for: model.configuration)
    parameters = model.parameters
  }

  static func graph(for configuration: AttentionClassifier.Configuration) throws -> StageGraph {
    let graph = try AttentionClassifier.graph(for: configuration)
    let fc = Stage("fc", UnknownLinear(), .input("x"), .parameter("fc.weight"), .parameter("fc.bias"))
    return try StageGraph(
      inputs: graph.inputs, parameters: graph.parameters, stages: [fc] + graph.stages.dropFirst(), output: graph.output)
  }
}

private struct UnknownLinear: Operator {
  static let id = "unknown_linear"

  func outputShape(_ operands: [Shape]) throws -> Shape { try Linear().outputShape(operands) }

  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    Linear().forward(operands, into: &output, &workspace)
  }

  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    Linear().forward(operands, into: &output)
  }

  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    Linear().bound(operands, output: output, rounding, into: &bound)
  }
}
