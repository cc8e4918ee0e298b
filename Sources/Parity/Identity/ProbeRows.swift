internal import TensorFerryOperators
internal import TensorFerryTensors

/// What the reference gave for the probe rows of one linear stage.
struct ProbeRows {
  /// `[rows, outputs]`.
  let shape: Shape
  let recorded: [Double]
  private let seed: UInt64

  init(_ tensor: LazyTensor, seed: UInt64) throws {
    shape = tensor.shape
    recorded = try tensor.read().doubles()
    self.seed = seed
  }

  /// With what the parameters of the layer give for the same rows.
  func evidence(of layer: LinearLayer) -> LinearEvidence {
    layer.evidence(inputs: ProbeInputs(seed: seed).values(shape[0] * layer.features), recorded: recorded)
  }

  func comparison(_ evidence: LinearEvidence, of layer: LinearLayer) throws -> Comparison {
    Comparison(
      caseName: "probes", shape: shape, judged: evidence.recorded, oracle: try ArrayView(evidence.oracle, shape: shape),
      bound: try ArrayView(evidence.bound, shape: shape), deviation: try layer.deviation(of: evidence, shape: shape),
      reference: evidence.recorded, ours: nil, rounding: evidence.rounding)
  }
}

extension ReferenceBundle {
  /// The probe rows of a layer; nil if there are none, or too many values to hold.
  ///
  /// - Throws: ``ParityError`` with code `.stageShape`.
  func probeRows(of layer: LinearLayer) throws -> ProbeRows? {
    guard let probes, let tensor = probes.results[layer.name] else { return nil }
    let rows = ProbeInputs.rowCount(features: layer.features)
    guard tensor.shape.dimensions == [rows, layer.outputs] else {
      throw ParityError(
        .stageShape, "has shape \(tensor.shape), the model gives [\(rows), \(layer.outputs)]", file: file,
        tensor: "probes.\(layer.name).f64")
    }
    guard rows <= DesignMatrix.maximumElements / max(1, layer.features) else { return nil }
    return try ProbeRows(tensor, seed: probes.seed)
  }
}
