internal import TensorFerryTensors

/// What the layers of Keras call their variables, in the order in which they are saved.
enum KerasClasses {
  private typealias Variable = (name: String, option: String?)

  private static let dense: [Variable] = [("kernel", nil), ("bias", "use_bias")]
  private static let separable: [Variable] = [
    ("depthwise_kernel", nil), ("pointwise_kernel", nil), ("bias", "use_bias"),
  ]
  private static let cell: [Variable] = [("kernel", nil), ("recurrent_kernel", nil), ("bias", "use_bias")]
  private static let norm: [Variable] = [("gamma", "scale"), ("beta", "center")]

  private static let table: [String: [Variable]] = [
    "dense": dense, "einsum_dense": [("kernel", nil), ("bias", "bias_axes")], "embedding": [("embeddings", nil)],
    "conv1d": dense, "conv2d": dense, "conv3d": dense, "conv1d_transpose": dense, "conv2d_transpose": dense,
    "conv3d_transpose": dense, "depthwise_conv1d": dense, "depthwise_conv2d": dense, "separable_conv1d": separable,
    "separable_conv2d": separable, "layer_normalization": norm, "group_normalization": norm,
    "batch_normalization": norm + [("moving_mean", nil), ("moving_variance", nil)],
    "rms_normalization": [("scale", nil)], "p_re_lu": [("alpha", nil)], "lstm_cell": cell, "gru_cell": cell,
    "simple_rnn_cell": cell, "conv_lstm_cell": cell,
  ]

  /// Objects in attributes of layers, by the class of the layer.
  private static let parts: [String: [String: String]] = [
    "lstm": ["cell": "lstm_cell"], "gru": ["cell": "gru_cell"], "simple_rnn": ["cell": "simple_rnn_cell"],
    "conv_lstm1d": ["cell": "conv_lstm_cell"], "conv_lstm2d": ["cell": "conv_lstm_cell"],
    "conv_lstm3d": ["cell": "conv_lstm_cell"], "multi_head_attention": attention,
    "grouped_query_attention": attention, "group_query_attention": attention,
  ]
  private static let attention = [
    "query_dense": "einsum_dense", "key_dense": "einsum_dense", "value_dense": "einsum_dense",
    "output_dense": "einsum_dense", "_query_dense": "einsum_dense", "_key_dense": "einsum_dense",
    "_value_dense": "einsum_dense", "_output_dense": "einsum_dense",
  ]

  /// The attributes in which Keras's own layers keep others.
  static let attributes: Set<String> = ["layer", "forward_layer", "backward_layer", "cell"]

  static func isKnown(_ kind: String) -> Bool { table[kind] != nil }

  /// The class of what a layer has in an attribute.
  static func part(_ attribute: String, of kind: String?) -> String? { kind.flatMap { parts[$0]?[attribute] } }

  /// The names of all variables of a layer, or nil if they are not certain.
  ///
  /// The configuration says which are left out. Without it, only the last may be missing. A quantised layer has other
  /// variables, integers among them.
  static func variables(of kind: String?, options: JSONValue?, _ types: [DType?]) -> [String]? {
    guard let kind, let all = table[kind], types.allSatisfy({ $0.map(isFloat) ?? false }) else { return nil }
    let present = all.filter { variable in
      guard let option = variable.option, let value = options?[option] else { return true }
      return value != .bool(false) && value != .null
    }
    if options != nil, present.count == types.count { return present.map(\.name) }
    let isBiasOptional = all.last?.name == "bias" && options?["use_bias"] == nil && options?["bias_axes"] == nil
    guard types.count == all.count || isBiasOptional && types.count == all.count - 1 else { return nil }
    return all.prefix(types.count).map(\.name)
  }

  private static func isFloat(_ dtype: DType) -> Bool { [.f16, .bf16, .f32, .f64].contains(dtype) }
}
