public import TensorFerryTensors

extension StageGraph {
  /// Takes the parameters that the graph declares, widened to float32: what an initializer of a ``Model`` does.
  ///
  /// - Parameter tensors: `F32`, `F16` or `BF16`, by name.
  /// - Returns: a view for each parameter, as ``Model/parameters`` wants them; float32 in a mapped file is not copied.
  /// - Throws: ``ModelError`` with every parameter that is missing, unexpected, mis-shaped or of another type.
  public func load(_ tensors: [String: Tensor]) throws -> [String: ArrayView<Float>] {
    var problems: [ModelError.Problem] = []
    func report(_ code: ModelError.Code, _ name: String, _ reason: String) {
      problems.append(.init(code: code, name: name, reason: "parameter '\(name.escapedForDisplay)' \(reason)"))
    }
    for spec in parameters {
      guard let tensor = tensors[spec.name] else {
        report(.missingParameter, spec.name, "\(spec.shape) is missing")
        continue
      }
      if tensor.shape != spec.shape {
        report(.parameterShape, spec.name, "has shape \(tensor.shape), the model needs \(spec.shape)")
      }
      if !tensor.dtype.widensToFloat32 {
        report(.parameterType, spec.name, "is \(tensor.dtype.rawValue), the model takes F32, F16 or BF16")
      }
    }
    let declared = Set(parameters.map(\.name))
    for name in tensors.keys.filter({ !declared.contains($0) }).sorted() {
      report(.unexpectedParameter, name, "is not one of the model's")
    }
    guard problems.isEmpty else { throw ModelError(problems) }

    var views: [String: ArrayView<Float>] = [:]
    for spec in parameters { views[spec.name] = try ArrayView(tensors[spec.name]!) }
    return views
  }
}
