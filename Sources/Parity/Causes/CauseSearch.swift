internal import TensorFerryOperators
internal import TensorFerryTensors

/// Why one stage is refuted: its values from all cases and probes, and what they say of each hypothesis.
struct CauseSearch {
  let stage: Stage
  let verifier: StageVerifier
  let traces: [ReferenceTrace]
  let probes: ReferenceBundle.Probes?
  /// Whether the engine alone is off: then its values are judged.
  let isEngine: Bool
  let before: Double

  func look(into layer: LinearLayer, _ finding: inout Diagnosis.Finding) throws {
    var replay = LinearReplay(layer)
    func sample(_ kind: Certificate.Kind, _ x: [Double], _ y: [Double], isProbe: Bool = false) -> LinearSample {
      LinearSample(
        kind: kind, isProbe: isProbe, features: layer.features, outputs: layer.outputs, inputs: x, recorded: y,
        rounding: verifier.reference(for: kind, stage))
    }
    if !isEngine, let probes, let tensor = probes.results[layer.name] {
      let rows = ProbeInputs.rowCount(features: layer.features)
      if tensor.shape.dimensions == [rows, layer.outputs], rows * layer.features <= LinearReplay.maximumElements {
        let inputs = ProbeInputs(seed: probes.seed).values(rows * layer.features)
        replay.add(sample(.weights, inputs, try tensor.read().doubles(), isProbe: true))
      }
    }
    for trace in traces {
      if !isEngine, let x = trace.float64[layer.input], let y = trace.float64[.stage(layer.name)] {
        replay.add(sample(.weights, x.values, y.values))
      }
      guard let x = trace.float32[layer.input] else { continue }
      if isEngine {
        var workspace = Workspace()
        let operands = stage.operands.compactMap { trace.float32[$0] ?? verifier.float32[$0] }
        let ours = try stage.evaluate(operands, &workspace)
        replay.add(sample(.engine, try x.widened().values, try ours.widened().values))
      } else if let y = trace.float32[.stage(layer.name)] {
        replay.add(sample(.reference, try x.widened().values, try y.widened().values))
      }
    }
    if replay.isCut { finding.notes.append("judged on the first rows only, there are too many") }
    let parametersHold = isEngine || !finding.refuted.contains(.weights) && replay.strongest == .weights
    var solution: LinearSolution?
    if !parametersHold {
      switch LinearSolution.solve(replay) {
      case .success(let found):
        solution = found
        let shapes = verifier.float32.reduce(into: [String: Shape]()) { shapes, each in
          if case .parameter(let name) = each.key { shapes[name] = each.value.shape }
        }
        finding.tomography = found.tomography(layer, shapes)
      case .failure(let failure):
        finding.notes.append(
          "the parameters cannot be solved for (\(failure.reason)): only orders of rows, usual orders of columns, biases, "
            + "roundings, factors, single elements and single columns are tried")
      }
    }
    var causes = LinearCauses(replay, solution, Self.foreign(verifier))
    causes.run(parametersHold: parametersHold)
    let usual = replay.strongest == .weights && !parametersHold ? nil : replay.usualUse
    finding.judge(causes.trials, before: before) { best in
      if best.suspicion.id == "quantised" || best.suspicion.id == "other_weights"
        || best.suspicion.id == "stale_weights"
      {
        // A fit of all parameters says something if they are told, and by more rows than it has numbers.
        guard let solution, solution.isExact(layer), solution.rows > solution.unknowns else { return false }
        return best.suspicion.id != "quantised"
      }
      // What a coarse result hides is not the usual rounding.
      guard let usual, !causes.hasCoarseResult(best) else { return true }
      return causes.typicalUse(of: best).map { $0 <= 8 * usual } ?? false
    }
  }

  /// The parts of parameters that stages take, by name.
  private static func foreign(_ verifier: StageVerifier) -> [LinearCauses.Foreign] {
    var seen: Set<String> = []
    return verifier.parts.compactMap { part in
      guard let view = verifier.float32[.parameter(part.parameter)], !part.elements.isEmpty else { return nil }
      let rowSize = view.shape.rank > 1 ? view.count / max(1, view.shape[0]) : 1
      let isWhole = part.elements.count == view.count
      let rows = part.elements.lowerBound / rowSize..<part.elements.upperBound / rowSize
      let name = isWhole ? part.parameter : "\(part.parameter)[\(rows.lowerBound)..<\(rows.upperBound)]"
      guard seen.insert(name).inserted else { return nil }
      return LinearCauses.Foreign(name: name, isBias: view.shape.rank == 1, values: Array(view.values[part.elements]))
    }
  }

  func look(_ finding: inout Diagnosis.Finding) throws {
    var replay = StageReplay(stage)
    let alternatives =
      verifier.graph.inputs.map { ValueName.input($0.name) } + verifier.graph.stages.map { .stage($0.name) }
    for trace in traces {
      func add(_ kind: Certificate.Kind, _ values: [ValueName: ArrayView<Double>], _ recorded: ArrayView<Double>) {
        let operands = stage.operands.compactMap { values[$0] ?? verifier.float64[$0] }
        guard operands.count == stage.operands.count else { return }
        replay.add(
          StageSample(
            kind: kind, operands: operands, values: values, recorded: recorded.values, shape: recorded.shape,
            rounding: verifier.reference(for: kind, stage)))
      }
      let single = try trace.float32.mapValues { try $0.widened() }
      if isEngine {
        let operands = stage.operands.compactMap { trace.float32[$0] ?? verifier.float32[$0] }
        guard operands.count == stage.operands.count else { continue }
        var workspace = Workspace()
        add(.engine, single, try stage.evaluate(operands, &workspace).widened())
      } else {
        if finding.refuted.contains(.weights), let recorded = trace.float64[.stage(stage.name)] {
          add(.weights, trace.float64, recorded)
        }
        if let recorded = single[.stage(stage.name)] { add(.reference, single, recorded) }
      }
    }
    if replay.isCut { finding.notes.append("judged on the first cases only, there are too many values") }
    var causes = StageCauses(replay, Array(alternatives.prefix(200)))
    try causes.run()
    let isWeak = !replay.samples.contains { $0.kind == .weights }
    finding.judge(causes.trials, before: before) { best in
      // In float32 alone a fit may hide more than it explains.
      !(isWeak && best.suspicion.freeNumbers > 1)
    }
  }
}

extension StageVerifier {
  /// How a certificate's values are rounded.
  fileprivate func reference(for kind: Certificate.Kind, _ stage: Stage) -> Rounding {
    var rounding = kind == .engine ? .float32 : reference(kind == .weights ? .float64 : .float32, stage)
    if kind == .reference, flushesDenormals { rounding.leastNonzero = rounding.leastNormal }
    return rounding
  }
}
