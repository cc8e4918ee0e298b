internal import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Compares the probes with what the model's linear stages give, and solves for the parameters of all linear stages:
  /// from the probes where there are some, else from the recorded float64 values.
  func judgeLinearStages(
    of model: some Model, _ computed: [String: Double], _ verifier: inout StageVerifier, _ prover: inout IdentityProver?
  ) throws {
    let graph = model.graph
    let layers = graph.stages.compactMap { LinearLayer($0, model.parameters, computed) }
    for name in (probes?.results ?? [:]).keys.sorted() where !layers.contains(where: { $0.name == name }) {
      throw ParityError(
        .unexpectedStage, "the model has no linear stage of this name", file: file, tensor: "probes.\(name).f64")
    }
    // Layers with as many features have the same probe rows, so their matrix is solved once.
    var designs: [DesignKey: Result<DesignMatrix, DesignMatrix.Failure>] = [:]
    for layer in layers {
      if let probes, let tensor = probes.results[layer.name] {
        guard let evidence = try evidence(of: layer, tensor, seed: probes.seed) else {
          let needed = ProbeInputs.rowCount(features: layer.features) * layer.features
          prover?.leave(layer, DesignMatrix.Failure.tooLarge(needed).description)
          continue
        }
        verifier.add(
          Comparison(
            caseName: "probes", shape: tensor.shape, judged: evidence.recorded,
            oracle: try ArrayView(evidence.oracle, shape: tensor.shape),
            bound: try ArrayView(evidence.bound, shape: tensor.shape),
            deviation: try layer.deviation(of: evidence, shape: tensor.shape), reference: evidence.recorded, ours: nil,
            rounding: evidence.rounding),
          of: layer.name)
        guard prover != nil else { continue }
        let key = DesignKey(features: layer.features, hasBias: layer.bias != nil)
        let design = designs[key] ?? Self.design(evidence, layer)
        designs[key] = design
        prover?.add(layer, evidence, design)
      } else if prover != nil {
        guard let evidence = try recordedEvidence(of: layer, graph) else {
          prover?.leave(layer, "the reference has no float64 values of stage '\(layer.name)' and its input")
          continue
        }
        prover?.add(layer, evidence, Self.design(evidence, layer))
      }
    }
  }

  private struct DesignKey: Hashable {
    let features: Int
    let hasBias: Bool
  }

  private static func design(
    _ evidence: LinearEvidence, _ layer: LinearLayer
  ) -> Result<DesignMatrix, DesignMatrix.Failure> {
    Result { () throws(DesignMatrix.Failure) in
      try DesignMatrix(
        evidence.inputs, rows: evidence.rows, features: evidence.features, hasBias: layer.bias != nil)
    }
  }

  /// The probe rows of a layer, or nil if there are too many values to hold.
  private func evidence(of layer: LinearLayer, _ tensor: LazyTensor, seed: UInt64) throws -> LinearEvidence? {
    let rows = ProbeInputs.rowCount(features: layer.features)
    guard tensor.shape.dimensions == [rows, layer.outputs] else {
      throw ParityError(
        .stageShape, "has shape \(tensor.shape), the model gives [\(rows), \(layer.outputs)]", file: file,
        tensor: "probes.\(layer.name).f64")
    }
    guard rows <= DesignMatrix.maximumElements / max(1, layer.features) else { return nil }
    let inputs = ProbeInputs(seed: seed).values(rows * layer.features)
    return layer.evidence(inputs: inputs, recorded: try tensor.read().doubles())
  }

  /// The first rows of a layer in all cases, as many as help; nil if there is none.
  private func recordedEvidence(of layer: LinearLayer, _ graph: StageGraph) throws -> LinearEvidence? {
    let most = min(4 * (layer.features + 1), DesignMatrix.maximumElements / (layer.features + 1))
    var (inputs, recorded): ([Double], [Double]) = ([], [])
    for entry in cases where recorded.count < most * layer.outputs {
      guard let results = entry.stages[layer.name]?.float64, let operand = try operand(layer.input, of: entry) else {
        continue
      }
      _ = try checkedShapes(of: entry, graph)
      let (x, y) = (try operand.read().doubles(), try results.read().doubles())
      let rows = min(y.count / layer.outputs, most - recorded.count / layer.outputs)
      for row in 0..<rows {
        let left = x[row * layer.features..<(row + 1) * layer.features]
        let right = y[row * layer.outputs..<(row + 1) * layer.outputs]
        guard left.allSatisfy(\.isFinite), right.allSatisfy(\.isFinite) else { continue }
        inputs += left
        recorded += right
      }
    }
    return recorded.isEmpty ? nil : layer.evidence(inputs: inputs, recorded: recorded)
  }

  private func operand(_ name: ValueName, of entry: Case) throws -> LazyTensor? {
    switch name {
    case .input(let name): entry.inputs[name]
    case .stage(let name): entry.stages[name]?.float64
    case .parameter: nil
    }
  }
}
