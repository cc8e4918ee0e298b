internal import TensorFerryMapping
internal import TensorFerryOperators

/// The parameters and stages of `torch.nn.MultiheadAttention`, wherever it stands in a model.
///
/// PyTorch keeps the projections of queries, keys and values in one parameter, one above the other. Each is a stage of
/// its own that takes its rows, because each is a value of its own in PyTorch.
struct AttentionStages {
  /// What stands before the names of parameters and stages, for example `encoder.layers.0.self_attn.`; may be empty.
  let prefix: String
  /// Whether the projections are in `in_proj_weight`, and not in three parameters.
  let isFused: Bool
  let hasBias: Bool

  var patterns: [ParameterPattern] {
    let weights: [ParameterPattern] =
      isFused
      ? [.init(prefix + "in_proj_weight", ["in_proj_size", "model_size"], layout: .outputFirst)]
      : [
        .init(prefix + "q_proj_weight", ["model_size", "model_size"], layout: .outputFirst),
        .init(prefix + "k_proj_weight", ["model_size", "key_size"], layout: .outputFirst),
        .init(prefix + "v_proj_weight", ["model_size", "value_size"], layout: .outputFirst),
      ]
    let output = ParameterPattern(prefix + "out_proj.weight", ["model_size", "model_size"], layout: .outputFirst)
    guard hasBias else { return weights + [output] }
    return weights + [
      .init(prefix + "in_proj_bias", ["in_proj_size"]), output, .init(prefix + "out_proj.bias", ["model_size"]),
    ]
  }

  /// - Parameters:
  ///   - output: the name of the last stage, behind the prefix.
  ///   - averaged: whether the average of the weights over all heads is a stage, too, as PyTorch returns it.
  func stages(
    query: ValueName, key: ValueName, value: ValueName, mask: ValueName, heads: Int, output: String, averaged: Bool
  ) -> [Stage] {
    func stage(_ name: String) -> ValueName { .stage(prefix + name) }
    func split(_ name: String) -> Stage { Stage(prefix + name + "_heads", SplitHeads(heads: heads), stage(name)) }
    var stages = [
      projection("q", 0, of: query), projection("k", 1, of: key), projection("v", 2, of: value),
      split("q"), split("k"), split("v"),
      Stage(
        prefix + "attention_scores", BatchedProduct(transposeRight: true, scale: .inverseRootOfTerms),
        stage("q_heads"), stage("k_heads")),
      Stage(prefix + "attention_weights", MaskedSoftmax(axis: 3), stage("attention_scores"), mask),
    ]
    if averaged {
      stages.append(Stage(prefix + "average_attention_weights", MeanOverHeads(), stage("attention_weights")))
    }
    let bias = hasBias ? [ValueName.parameter(prefix + "out_proj.bias")] : []
    return stages + [
      Stage(prefix + "context_heads", BatchedProduct(), stage("attention_weights"), stage("v_heads")),
      Stage(prefix + "context", MergeHeads(), stage("context_heads")),
      Stage(prefix + output, Linear(), [stage("context"), .parameter(prefix + "out_proj.weight")] + bias),
    ]
  }

  private func projection(_ name: String, _ index: Int, of input: ValueName) -> Stage {
    let part = Linear.Part(index, of: 3)
    let weight = ValueName.parameter(prefix + (isFused ? "in_proj_weight" : "\(name)_proj_weight"))
    // The biases are one parameter in either case.
    let bias = hasBias ? [ValueName.parameter(prefix + "in_proj_bias")] : []
    return Stage(
      prefix + name, Linear(weight: isFused ? part : .whole, bias: hasBias ? part : .whole), [input, weight] + bias)
  }
}
