internal import TensorFerry

/// What a model computed, as `predict` writes it.
struct Prediction {
  let result: Tensor
  /// The class of each sample, if the model is a classifier.
  let classes: [Int]?
  /// The result of a stage of that name, if the model has one.
  let attentionWeights: Tensor?

  /// - Parameter stages: what each stage of the model computed, or the output alone.
  init(of model: any Model, _ stages: [String: Tensor]) throws {
    guard let result = stages[model.graph.output] else {
      throw TensorError(.outOfRange, "the model has no stage '\(model.graph.output)'")
    }
    self.result = result
    classes = try (type(of: model) as? any Classifier.Type)?.classes(of: result)
    attentionWeights = stages["attention_weights"]
  }

  var sampleCount: Int { result.shape.dimensions.first ?? 0 }

  func write(path: String, replacing: Bool) throws {
    var predictions = StateDict()
    try predictions.append(classes == nil ? "output" : "logits", LazyTensor(result))
    if let classes {
      try predictions.append("classes", LazyTensor(Tensor(classes.map(Int64.init), shape: Shape([classes.count]))))
    }
    if let attentionWeights { try predictions.append("attention_weights", LazyTensor(attentionWeights)) }
    let format = HDF5Format.hdf5(attributes: [("producer", Version.producer)])
    try Interruption.watching {
      try predictions.write(path: path, format: format, replacing: replacing) { _ in try Interruption.check() }
    }
  }
}
