internal import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Compares the probes with what the model's linear stages give, and solves for the parameters of all linear stages:
  /// from the probes where there are some, else from the recorded float64 values. The same rows tell the survey what
  /// they would expose.
  func judgeLinearStages(
    of model: some Model, _ computed: [String: Double], _ verifier: inout StageVerifier,
    _ prover: inout IdentityProver?, _ survey: inout CoverageSurvey?
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
      if let rows = try probeRows(of: layer) {
        let evidence = rows.evidence(of: layer)
        verifier.add(try rows.comparison(evidence, of: layer), of: layer.name)
        try survey?.add(evidence, of: layer.name)
        guard prover != nil else { continue }
        let key = DesignKey(features: layer.features, hasBias: layer.bias != nil)
        let design = designs[key] ?? Self.design(evidence, layer)
        designs[key] = design
        prover?.add(layer, evidence, design)
      } else if probes?.results[layer.name] != nil {
        let needed = ProbeInputs.rowCount(features: layer.features) * layer.features
        prover?.leave(layer, DesignMatrix.Failure.tooLarge(needed).description)
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
