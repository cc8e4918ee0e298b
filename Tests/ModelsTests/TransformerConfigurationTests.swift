import TensorFerryMapping
import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import Testing

private func parsed(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

/// What names, shapes and options tell of an attention and of a transformer.
@Suite struct TransformerConfigurationTests {
  private static func state(_ shapes: [(String, [Int])], prefix: String = "") throws -> StateDict {
    var state = StateDict()
    for (name, dimensions) in shapes {
      let shape = try Shape(dimensions)
      try state.append(
        prefix + name, LazyTensor(Tensor([Float](repeating: 0, count: shape.elementCount), shape: shape)))
    }
    return state
  }

  private static func transformer(layers: Int, norm: Bool = false) -> [(String, [Int])] {
    (0..<layers).flatMap { layer -> [(String, [Int])] in
      let prefix = "encoder.layers.\(layer)."
      return [
        (prefix + "self_attn.in_proj_weight", [36, 12]), (prefix + "self_attn.in_proj_bias", [36]),
        (prefix + "self_attn.out_proj.weight", [12, 12]), (prefix + "self_attn.out_proj.bias", [12]),
        (prefix + "linear1.weight", [20, 12]), (prefix + "linear1.bias", [20]),
        (prefix + "linear2.weight", [12, 20]), (prefix + "linear2.bias", [12]),
        (prefix + "norm1.weight", [12]), (prefix + "norm1.bias", [12]), (prefix + "norm2.weight", [12]),
        (prefix + "norm2.bias", [12]),
      ]
    } + (norm ? [("encoder.norm.weight", [12]), ("encoder.norm.bias", [12])] : []) + [
      ("attention.weight", [1, 12]), ("attention.bias", [1]), ("classifier.weight", [5, 12]), ("classifier.bias", [5]),
    ]
  }

  private static let joint: [(String, [Int])] = [
    ("in_proj_weight", [36, 12]), ("in_proj_bias", [36]), ("out_proj.weight", [12, 12]), ("out_proj.bias", [12]),
  ]
  private static let separate: [(String, [Int])] = [
    ("q_proj_weight", [12, 12]), ("k_proj_weight", [12, 7]), ("v_proj_weight", [12, 9]), ("out_proj.weight", [12, 12]),
  ]

  private static func configuration<Loaded: ImportableModel>(
    _: Loaded.Type, _ shapes: [(String, [Int])], _ options: JSONValue, prefix: String = ""
  ) throws -> JSONValue {
    let plan = Loaded.plan(importing: try state(shapes, prefix: prefix), options: options)
    return try Loaded.configuration(of: plan, options: options).json
  }

  @Test(
    "layers, norm and sizes are told by names and shapes, the rest is PyTorch's default", arguments: ["", "a.module."])
  func transformerConfiguration(prefix: String) throws {
    let json = try Self.configuration(
      TransformerClassifier.self, Self.transformer(layers: 3, norm: true), parsed(#"{"num_heads": 4}"#), prefix: prefix)
    #expect(
      try json
        == parsed(
          #"{"model_size": 12, "num_heads": 4, "feedforward_size": 20, "num_layers": 3, "num_classes": 5, "#
            + #""activation": "relu", "norm_first": false, "final_norm": true, "layer_norm_eps": 1e-05}"#))
  }

  @Test("joint and separate projections, with and without bias")
  func attentionConfiguration() throws {
    #expect(
      try Self.configuration(MultiheadAttention.self, Self.joint, parsed(#"{"num_heads": 3}"#))
        == parsed(#"{"model_size": 12, "key_size": 12, "value_size": 12, "num_heads": 3, "bias": true}"#))
    #expect(
      try Self.configuration(MultiheadAttention.self, Self.separate, parsed(#"{"num_heads": 3}"#))
        == parsed(#"{"model_size": 12, "key_size": 7, "value_size": 9, "num_heads": 3, "bias": false}"#))
  }

  @Test("every option that is missing or wrong is told at once, and how to give it")
  func everyProblem() throws {
    let error = #expect(throws: ModelError.self) {
      try Self.configuration(
        TransformerClassifier.self, Self.transformer(layers: 1),
        parsed(#"{"activation": "swish", "layer_norm_eps": -1, "num_layers": 2, "depth": 3}"#))
    }
    #expect(error?.problems.map(\.name) == ["num_layers", "num_heads", "activation", "layer_norm_eps", "depth"])
    #expect(error?.problems.allSatisfy { $0.code == .invalidConfiguration } == true)
    #expect(error?.reason.contains("--configuration '{\"num_heads\": ...}'") == true)
    #expect(error?.reason.contains("'num_layers' is 2, shapes and names tell 1") == true)
  }

  @Test("heads that do not divide the features are refused with both numbers", arguments: [5, 13, 24])
  func unevenHeads(heads: Int) throws {
    let error = #expect(throws: ModelError.self) {
      try Self.configuration(MultiheadAttention.self, Self.joint, parsed(#"{"num_heads": \#(heads)}"#))
    }
    #expect(error?.reason.contains("is \(heads), which does not divide the 12 features") == true)
  }

  @Test("joint projections that are not three times as high as the model is wide are refused")
  func unevenProjections() {
    let shapes = Self.joint.map { ($0.0, $0.1.map { $0 == 36 ? 35 : $0 }) }
    let error = #expect(throws: ModelError.self) {
      try Self.configuration(MultiheadAttention.self, shapes, parsed(#"{"num_heads": 3}"#))
    }
    #expect(error?.problems.map(\.code) == [.parameterShape])
    #expect(error?.reason.contains("35 rows") == true && error?.reason.contains("36") == true)
  }

  @Test("separate projections of one size, which PyTorch never makes, are refused")
  func needlesslySeparate() {
    let shapes = Self.separate.map { ($0.0, [12, 12]) }
    #expect(throws: ModelError.self) {
      try Self.configuration(MultiheadAttention.self, shapes, parsed(#"{"num_heads": 3}"#))
    }
  }

  @Test("biases that are added to keys and values are refused by name")
  func addedBias() throws {
    let shapes = Self.joint + [("bias_k", [1, 1, 12]), ("bias_v", [1, 1, 12])]
    let error = #expect(throws: MappingError.self) {
      try Self.configuration(MultiheadAttention.self, shapes, parsed(#"{"num_heads": 3}"#))
    }
    #expect(error?.problems.map(\.source) == ["bias_k", "bias_v"])
    let zero = #expect(throws: ModelError.self) {
      try Self.configuration(MultiheadAttention.self, Self.joint, parsed(#"{"num_heads": 3, "add_zero_attn": true}"#))
    }
    #expect(zero?.problems.map(\.name) == ["add_zero_attn"])
  }

  @Test(
    "a layer behind a gap, or with a huge number, is unexpected, not a reason for more layers",
    arguments: ["2", "9223372036854775807", "99999999999999999999", "-1"])
  func strayLayer(number: String) throws {
    let stray = "encoder.layers.\(number).linear1.bias"
    let plan = try TransformerClassifier.plan(
      importing: Self.state(Self.transformer(layers: 1) + [(stray, [20])]), options: parsed(#"{"num_heads": 3}"#))
    #expect(plan.problems.map(\.source) == [stray])
  }

  @Test("a configuration that asks for more layers than any file has is refused before anything is made")
  func manyLayers() throws {
    let json = try parsed(
      #"{"model_size": 12, "num_heads": 4, "feedforward_size": 20, "num_layers": 1000000000000, "num_classes": 5, "#
        + #""activation": "relu", "norm_first": false, "final_norm": true, "layer_norm_eps": 1e-05}"#)
    #expect(throws: ModelError.self) { try TransformerClassifier.Configuration(json: json) }
  }

  @Test("the model is found by names: a transformer is not taken for the attention inside it")
  func found() throws {
    let transformer = Self.transformer(layers: 2).map(\.0)
    #expect(ModelRegistry.model(for: transformer).id == TransformerClassifier.id)
    #expect(ModelRegistry.model(for: transformer.map { "model." + $0 }).id == TransformerClassifier.id)
    #expect(ModelRegistry.model(for: Array(transformer.dropFirst(3))).id == TransformerClassifier.id)
    #expect(ModelRegistry.model(for: Self.joint.map(\.0)).id == MultiheadAttention.id)
    #expect(ModelRegistry.model(for: Self.separate.map(\.0)).id == MultiheadAttention.id)
    #expect(ModelRegistry.model(for: ["fc.weight", "fc.bias"]).id == AttentionClassifier.id)
    #expect(ModelRegistry.model(for: []).id == AttentionClassifier.id)
  }

  @Test("a mask may be left out, and is BOOL otherwise")
  func masks() throws {
    let state = try Self.state(Self.transformer(layers: 1))
    let options = try parsed(#"{"num_heads": 3}"#)
    let model = try TransformerClassifier(
      TransformerClassifier.plan(importing: state, options: options), state, options: options)
    let x = try Tensor((0..<48).map { Float($0) / 7 }, shape: [2, 2, 12])
    let none = try Tensor(dtype: .bool, shape: [2, 2], bytes: [0, 0, 0, 0])
    #expect(try model(x) == model(x, ignoring: none))
    let all = try Tensor(dtype: .bool, shape: [2, 2], bytes: [1, 1, 0, 0])
    let logits = try model(x, ignoring: all).floats()
    #expect(logits[..<5].allSatisfy { $0.isNaN } && logits[5...].allSatisfy { !$0.isNaN })
    let wrong = #expect(throws: ModelError.self) { try model(x, ignoring: x) }
    #expect(wrong?.problems.map(\.code) == [.inputType])
    #expect(wrong?.reason.contains("the model takes BOOL") == true)
    #expect(throws: OperatorError.self) {
      try model(x, ignoring: Tensor(dtype: .bool, shape: [2, 3], bytes: [0, 0, 0, 0, 0, 0]))
    }
  }
}
