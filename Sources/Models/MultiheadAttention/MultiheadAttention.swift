public import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// `torch.nn.MultiheadAttention(embed_dim, num_heads, bias=, kdim=, vdim=, batch_first=True)`.
///
/// Where keys or values have another size than queries, PyTorch keeps the three projections apart; else they are in one
/// parameter. Without a mask nothing is ignored. `add_bias_kv` and `add_zero_attn` are not supported.
public struct MultiheadAttention: ImportableModel {
  public static let id = "MultiheadAttention/1"

  public let configuration: Configuration
  public let graph: StageGraph
  public let parameters: [String: ArrayView<Float>]

  public init(configuration: Configuration, parameters: [String: Tensor]) throws {
    self.configuration = configuration
    graph = try Self.graph(for: configuration)
    self.parameters = try graph.load(parameters)
  }

  public static let options = [ModelOption("num_heads")]

  public static func patterns(for names: [String], options: JSONValue) -> [ParameterPattern] {
    let found = NameSuffixes(names)
    let separate = ["q_proj_weight", "k_proj_weight", "v_proj_weight"].contains(where: found.contains)
    return AttentionStages(
      prefix: "", isFused: found.contains("in_proj_weight") || !separate, hasBias: hasBias(found)
    ).patterns
  }

  private static func hasBias(_ names: NameSuffixes) -> Bool {
    names.contains("in_proj_bias") || names.contains("out_proj.bias")
  }

  public static func configuration(
    sizes: [String: Int], names: [String], options: JSONValue
  ) throws -> Configuration {
    let model = sizes["model_size"] ?? 0
    if let rows = sizes["in_proj_size"], rows != 3 * model {
      throw ModelError(
        .parameterShape, "the joint projections have \(rows) rows, the model of size \(model) needs \(3 * model)",
        name: "in_proj_weight")
    }
    let told: [JSONValue.Member] = [
      .init("model_size", JSONValue(model)),
      .init("key_size", JSONValue(sizes["key_size"] ?? model)),
      .init("value_size", JSONValue(sizes["value_size"] ?? model)),
      .init("bias", .bool(hasBias(NameSuffixes(names)))),
    ]
    let configuration = try configuration(told: told, options)
    let isFused = !NameSuffixes(names).contains("q_proj_weight")
    guard configuration.hasJointProjection == isFused else {
      throw ModelError(
        .parameterShape,
        "queries, keys and values all have size \(model); PyTorch keeps their projections in in_proj_weight then",
        name: "q_proj_weight")
    }
    return configuration
  }

  public static func graph(for configuration: Configuration) throws -> StageGraph {
    let attention = AttentionStages(
      prefix: "", isFused: configuration.hasJointProjection, hasBias: configuration.hasBias)
    return try StageGraph(
      inputs: [
        InputSpec("query", ["batch", "queries", "features"]),
        InputSpec("key", ["batch", "keys", "key features"]),
        InputSpec("value", ["batch", "keys", "value features"]),
        InputSpec(mask: "key_padding_mask", ["batch", "keys"]),
      ],
      parameters: attention.patterns.specs(in: [
        "model_size": configuration.modelSize, "in_proj_size": 3 * configuration.modelSize,
        "key_size": configuration.keySize, "value_size": configuration.valueSize,
      ]),
      stages: attention.stages(
        query: .input("query"), key: .input("key"), value: .input("value"), mask: .input("key_padding_mask"),
        heads: configuration.headCount, output: "output", averaged: true),
      output: "output")
  }

  /// Attends to values whose keys match the queries.
  ///
  /// - Parameters:
  ///   - query: `[batch, queries, model size]`.
  ///   - key: `[batch, keys, key size]`.
  ///   - value: `[batch, keys, value size]`.
  ///   - ignoring: `BOOL` of shape `[batch, keys]`, true for the keys that nobody attends to; nil for none. Where all
  ///     keys of a sample are ignored, the result is NaN.
  /// - Returns: `F32`, shape `[batch, queries, model size]`.
  /// - Throws: ``ModelError`` or ``OperatorError`` if an input has another type or shape.
  public func callAsFunction(query: Tensor, key: Tensor, value: Tensor, ignoring: Tensor? = nil) throws -> Tensor {
    var inputs = ["query": query, "key": key, "value": value]
    inputs["key_padding_mask"] = ignoring
    return try output(inputs)
  }
}
