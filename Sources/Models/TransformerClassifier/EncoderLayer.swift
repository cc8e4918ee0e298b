internal import TensorFerryMapping
internal import TensorFerryOperators

/// The parameters and stages of one `torch.nn.TransformerEncoderLayer`.
struct EncoderLayer {
  /// What stands before the names of parameters and stages: `encoder.layers.0.`.
  let prefix: String

  init(_ index: Int) { prefix = "encoder.layers.\(index)." }

  private var attention: AttentionStages {
    AttentionStages(prefix: prefix + "self_attn.", isFused: true, hasBias: true)
  }

  var patterns: [ParameterPattern] {
    attention.patterns + [
      .init(prefix + "linear1.weight", ["feedforward_size", "model_size"], layout: .outputFirst),
      .init(prefix + "linear1.bias", ["feedforward_size"]),
      .init(prefix + "linear2.weight", ["model_size", "feedforward_size"], layout: .outputFirst),
      .init(prefix + "linear2.bias", ["model_size"]),
      .init(prefix + "norm1.weight", ["model_size"]), .init(prefix + "norm1.bias", ["model_size"]),
      .init(prefix + "norm2.weight", ["model_size"]), .init(prefix + "norm2.bias", ["model_size"]),
    ]
  }

  /// The stages in the order in which PyTorch computes them; the last one is the layer's result.
  func stages(of x: ValueName, mask: ValueName, _ configuration: TransformerClassifier.Configuration) -> [Stage] {
    if configuration.normalisesFirst {
      return [norm("norm1", x, configuration)]
        + attended(stage("norm1"), mask, configuration) + [residual("residual1", x, stage("self_attn.out_proj"))]
        + [norm("norm2", stage("residual1"), configuration)]
        + fedForward(stage("norm2"), configuration) + [residual("residual2", stage("residual1"), stage("linear2"))]
    }
    return attended(x, mask, configuration)
      + [residual("residual1", x, stage("self_attn.out_proj")), norm("norm1", stage("residual1"), configuration)]
      + fedForward(stage("norm1"), configuration)
      + [residual("residual2", stage("norm1"), stage("linear2")), norm("norm2", stage("residual2"), configuration)]
  }

  private func stage(_ name: String) -> ValueName { .stage(prefix + name) }

  private func attended(
    _ x: ValueName, _ mask: ValueName, _ configuration: TransformerClassifier.Configuration
  ) -> [Stage] {
    attention.stages(
      query: x, key: x, value: x, mask: mask, heads: configuration.headCount, output: "out_proj", averaged: false)
  }

  private func fedForward(_ x: ValueName, _ configuration: TransformerClassifier.Configuration) -> [Stage] {
    let activation: any Operator = configuration.activation == .gelu ? GELU() : ReLU()
    return [
      Stage(prefix + "linear1", Linear(), [x] + parameters("linear1")),
      Stage(prefix + "activation", activation, stage("linear1")),
      Stage(prefix + "linear2", Linear(), [stage("activation")] + parameters("linear2")),
    ]
  }

  private func norm(_ name: String, _ x: ValueName, _ configuration: TransformerClassifier.Configuration) -> Stage {
    Stage(prefix + name, LayerNorm(eps: configuration.eps), [x] + parameters(name))
  }

  private func residual(_ name: String, _ x: ValueName, _ change: ValueName) -> Stage {
    Stage(prefix + name, Add(), x, change)
  }

  private func parameters(_ name: String) -> [ValueName] {
    [.parameter(prefix + name + ".weight"), .parameter(prefix + name + ".bias")]
  }
}
