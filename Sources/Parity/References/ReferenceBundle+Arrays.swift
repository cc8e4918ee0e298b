internal import TensorFerryFormats
internal import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Arrays that bear the names of a model's inputs and stages, as anyone writes them: `x`, `fc`, `output`.
  ///
  /// Several cases have the names of a bundle, `cases.0000.inputs.x`. The element type tells float32 from float64.
  init(arrays state: StateDict, of model: some Model) throws {
    let file = state.origin?.path
    let id = type(of: model).id
    try state.checkComplete()
    if let named = state.metadata("model")?.string, named != id { throw Self.otherModel(named, id, file) }
    let isNumbered = state.names.contains { $0.hasPrefix("cases.") }
    try self.init(
      model: id, layout: .arrays,
      manifest: state.metadata("manifest") == nil ? [:] : Self.object("manifest", state, file),
      cases: isNumbered ? Self.cases(state, file) : [Self.plainCase(state, model.graph, id)],
      probes: Probes(state, file), file: file)
  }

  private static func plainCase(_ state: StateDict, _ graph: StageGraph, _ model: String) throws -> Case {
    var entry = Case("0000")
    for element in state where !element.name.hasPrefix("probes.") {
      let (name, tensor) = (element.name, element.tensor)
      func fail(_ code: ParityError.Code, _ reason: String) -> ParityError {
        ParityError(code, reason, file: state.origin?.path, tensor: name)
      }
      if graph.inputs.contains(where: { $0.name == name }) {
        entry.inputs[name] = tensor
        continue
      }
      guard let (stage, dtype) = graph.recordedStage(name) else {
        let inputs = graph.inputs.map(\.name).joined(separator: ", ")
        throw fail(
          .unexpectedName,
          "\(model) has no input and no stage of this name; a file that is no '\(format)' holds \(inputs) and any of "
            + graph.stages.map(\.name).joined(separator: ", "))
      }
      guard tensor.dtype == .f32 || tensor.dtype == .f64, tensor.dtype == dtype ?? tensor.dtype else {
        throw fail(.wrongType, "must be \(dtype?.rawValue ?? "F32 or F64"), it is \(tensor.dtype.rawValue)")
      }
      guard entry.stages[stage, default: Stage()].take(tensor) else {
        throw fail(.unexpectedName, "stage '\(stage)' is there twice in \(tensor.dtype.rawValue)")
      }
    }
    return entry
  }
}

extension ReferenceBundle.Stage {
  /// Puts a tensor where its type says; false if there is one.
  mutating func take(_ tensor: LazyTensor) -> Bool {
    if tensor.dtype == .f64 {
      guard float64 == nil else { return false }
      float64 = tensor
    } else {
      guard float32 == nil else { return false }
      float32 = tensor
    }
    return true
  }
}

extension StageGraph {
  /// The stage that a name means, with the type that a suffix demands: `fc`, `fc.f32`, or `output` for the last stage
  /// whatever it is called.
  func recordedStage(_ name: String) -> (stage: String, dtype: DType?)? {
    func stage(_ name: String) -> String? {
      if stages.contains(where: { $0.name == name }) { return name }
      return name == "output" ? output : nil
    }
    if let found = stage(name) { return (found, nil) }
    for (suffix, dtype) in [(".f32", DType.f32), (".f64", .f64)] where name.hasSuffix(suffix) {
      if let found = stage(String(name.dropLast(suffix.count))) { return (found, dtype) }
    }
    return nil
  }
}
