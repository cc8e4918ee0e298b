import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

/// Small bundles by hand: what makes one unusable, or unfit for a model of 3-2-4.
@Suite("reference bundles that cannot be used")
struct ReferenceBundleTests {
  static let refused: [(ParityError.Code, @Sendable (inout Draft) throws -> Void, String)] = [
    (.notAReference, { $0.metadata["format"] = nil }, "its format is missing"),
    (.notAReference, { $0.metadata["format"] = "tensorferry.weights/1" }, "'tensorferry.weights/1'"),
    (.notAReference, { $0.metadata["format"] = "tensorferry.reference/2" }, "'tensorferry.reference/2'"),
    (.invalidMetadata, { $0.metadata["model"] = nil }, "the model is missing"),
    (.invalidMetadata, { $0.metadata["manifest"] = nil }, "the manifest is missing"),
    (.invalidMetadata, { $0.metadata["manifest"] = "{" }, "the manifest is not readable"),
    (.invalidMetadata, { $0.metadata["manifest"] = "[1]" }, "not a JSON object"),
    (.unexpectedName, { try $0.add("fc.weight", [2, 3]) }, "'fc.weight'"),
    (.unexpectedName, { try $0.add("cases.one.inputs.x", [1, 3]) }, "'cases.one.inputs.x'"),
    (.unexpectedName, { try $0.add("cases.0000.stages.fc", [1, 3]) }, "'cases.0000.stages.fc'"),
    (.wrongType, { try $0.add("cases.0000.stages.fc.f64", [1, 2]) }, "must be F64, it is F32"),
    (.unexpectedName, { try $0.add("probes.fc.f32", [8, 2]) }, "'probes.fc.f32'"),
    (.unexpectedName, { try $0.add("probes..f64", [8, 2], .f64) }, "'probes..f64'"),
    (.wrongType, { try $0.add("probes.fc.f64", [8, 2]) }, "must be F64, it is F32"),
    (.invalidMetadata, { try $0.add("probes.fc.f64", [8, 2], .f64) }, "the probes is missing"),
    (.invalidMetadata, { try $0.addProbes(of: "fc", [8, 2], generator: "mt19937") }, "is mt19937, known is"),
    (.invalidMetadata, { try $0.addProbes(of: "fc", [8, 2], seed: "-1") }, "seed of the probes is -1"),
    (.invalidMetadata, { try $0.addProbes(of: "fc", [8, 2], seed: "9007199254740992") }, "to 9007199254740991"),
    (.invalidMetadata, { try $0.addProbes(of: "fc", [8, 2], seed: "null") }, "seed of the probes is null"),
    (.stageShape, { try $0.addProbes(of: "fc", [9, 2]) }, "has shape [9, 2], the model gives [8, 2]"),
    (.stageShape, { try $0.addProbes(of: "fc", [8, 3]) }, "has shape [8, 3], the model gives [8, 2]"),
    (.unexpectedStage, { try $0.addProbes(of: "attention_weights", [8, 2]) }, "no linear stage"),
    (.unexpectedStage, { try $0.addProbes(of: "fb", [8, 2]) }, "'probes.fb.f64'"),
    (.wrongType, { try $0.add("cases.0000.inputs.x", [1, 3], .f64) }, "must be F32, it is F64"),
    (
      .otherModel, { $0.metadata["model"] = "SelfAttention/1" },
      "'SelfAttention/1', this model is 'AttentionClassifier/1'"
    ),
    (.missingInput, { $0.rename("cases.0000.inputs.x", "cases.0000.stages.fc.f32") }, "'cases.0000.inputs.x'"),
    (.unexpectedInput, { try $0.add("cases.0000.inputs.mask", [1, 3]) }, "'cases.0000.inputs.mask'"),
    (.unexpectedStage, { try $0.add("cases.0000.stages.layers.0.fc.f32", [1, 3]) }, "'cases.0000.stages.layers.0.fc'"),
    (
      .inputShape, { try $0.add("cases.0000.inputs.x", [5, 6]) },
      "x [5, 1, 6] has 6 features, the weight [2, 3] takes 3"
    ),
    (.inputShape, { try $0.add("cases.0000.inputs.x", [3]) }, "[batch, positions, features] or [batch, features]"),
    (.stageShape, { try $0.add("cases.0000.stages.fc.f32", [5, 7]) }, "has shape [5, 7], the model gives [5, 1, 2]"),
    (.stageShape, { try $0.add("cases.0000.stages.fc.f64", [4, 2], .f64) }, "has shape [4, 2]"),
    (.wrongType, { try $0.add("cases.0000.labels", [5]) }, "must be I64, it is F32"),
    (.unexpectedName, { try $0.add("cases.0000.label", [5], .i64) }, "'cases.0000.label'"),
    (.invalidLabels, { try $0.add("cases.0000.labels", [4], .i64) }, "labels of shape [4] for 5 samples"),
    (.invalidLabels, { try $0.add("cases.0000.labels", [5, 1], .i64) }, "labels of shape [5, 1] for 5 samples"),
    (.invalidLabels, { try $0.addLabels([0, 3, 4, 1, 2]) }, "label 4 of sample 2 is none of the classes 0 to 3"),
    (.invalidLabels, { try $0.addLabels([0, 3, 1, 1, .min]) }, "label -9223372036854775808 of sample 4"),
  ]

  @Test("each is refused with a code and the facts", arguments: refused.indices)
  func refusal(_ index: Int) throws {
    let (code, change, fact) = Self.refused[index]
    var draft = try Draft()
    try change(&draft)
    let error = #expect(throws: ParityError.self) { try ReferenceBundle(draft.state()).verify(Self.model()) }
    #expect(error?.code == code)
    #expect(error?.description.contains(fact) == true, "\(error?.description ?? "")")
  }

  @Test("every code is among them", arguments: ParityError.Code.allCases)
  func everyCode(_ code: ParityError.Code) { #expect(Self.refused.contains { $0.0 == code }) }

  @Test("cases come in the order of their numbers, whatever probes there are")
  func order() throws {
    var draft = try Draft()
    try draft.addProbes(of: "fc", [8, 2])
    for name in ["10000", "0002", "0001"] { try draft.add("cases.\(name).inputs.x", [1, 3]) }
    #expect(try ReferenceBundle(draft.state()).cases.map(\.name) == ["0000", "0001", "0002", "10000"])
  }

  @Test("dimensions of 1 do not matter")
  func lengthOne() throws {
    var draft = try Draft()
    try draft.add("cases.0000.stages.fc.f32", [1, 5, 2, 1])
    let report = try ReferenceBundle(draft.state()).verify(Self.model())
    #expect(report.stages[0].shape == [1, 5, 2, 1])
    #expect(report.stages[0].compared == 10)
    #expect(report.stages[0].deciding.worst?.index.count == 4)
  }

  struct Draft {
    var metadata: [String: String] = [
      "format": "tensorferry.reference/1", "model": "AttentionClassifier/1", "manifest": "{}",
    ]
    var tensors: [String: Tensor] = [:]

    init() throws { try add("cases.0000.inputs.x", [5, 3]) }

    mutating func add(_ name: String, _ shape: Shape, _ dtype: DType = .f32) throws {
      let bytes = try [UInt8](repeating: 0, count: dtype.byteCount(of: shape.elementCount))
      tensors[name] = try Tensor(dtype: dtype, shape: shape, bytes: bytes)
    }

    mutating func addProbes(
      of stage: String, _ shape: Shape, generator: String = "splitmix64/1", seed: String = "0"
    ) throws {
      metadata["probes"] = #"{"generator": "\#(generator)", "seed": \#(seed)}"#
      try add("probes.\(stage).f64", shape, .f64)
    }

    mutating func addLabels(_ labels: [Int64]) throws {
      tensors["cases.0000.labels"] = try Tensor(labels, shape: Shape([labels.count]))
    }

    mutating func rename(_ old: String, _ new: String) { tensors[new] = tensors.removeValue(forKey: old) }

    func state() throws -> StateDict {
      var state = StateDict()
      state.metadata = metadata.map { .init($0.key, .string($0.value)) }
      for (name, tensor) in tensors { try state.append(name, LazyTensor(tensor)) }
      return state
    }
  }

  private static func model() throws -> AttentionClassifier {
    let configuration = try AttentionClassifier.Configuration(inputSize: 3, hiddenSize: 2, classCount: 4)
    var parameters: [String: Tensor] = [:]
    for spec in try AttentionClassifier.parameters(of: configuration) {
      parameters[spec.name] = try Tensor([Float](repeating: 0.5, count: spec.shape.elementCount), shape: spec.shape)
    }
    return try AttentionClassifier(configuration: configuration, parameters: parameters)
  }
}
