internal import TensorFerryOperators

/// All that a reference recorded of the stages, to judge many models by.
struct Recorded {
  let traces: [ReferenceTrace]
  /// By the name of the stage.
  let probes: [String: ProbeRows]
}

extension ReferenceBundle {
  func recorded(for verifier: StageVerifier) throws -> Recorded {
    var probes: [String: ProbeRows] = [:]
    for layer in verifier.graph.stages.compactMap(verifier.layer) { probes[layer.name] = try probeRows(of: layer) }
    return Recorded(traces: try cases.map { try trace(of: $0, verifier.graph) }, probes: probes)
  }
}

extension StageVerifier {
  /// Whether some recorded value of a stage is refuted, in the cases or among the probes.
  func refutes(_ recorded: Recorded, at stage: Stage) throws -> Bool {
    var verifier = self
    func isRefuted() -> Bool {
      verifier.reports.contains { $0.name == stage.name && $0.blame == .reference }
    }
    for trace in recorded.traces {
      try verifier.add(trace)
      if isRefuted() { return true }
    }
    guard let rows = recorded.probes[stage.name], let layer = layer(stage) else { return false }
    verifier.add(try rows.comparison(rows.evidence(of: layer), of: layer), of: stage.name)
    return isRefuted()
  }
}
