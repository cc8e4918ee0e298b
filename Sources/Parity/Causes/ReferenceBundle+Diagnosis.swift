public import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Looks for what is wrong at the stages that a report refutes.
  ///
  /// Each hypothesis of a catalogue is replayed: the stage runs with other parameters, another operator or another
  /// arithmetic, on the reference's own inputs, and its certificates judge it again. So what is named as a cause does not
  /// resemble the reference: it explains every value of the stage, and its rivals do not.
  ///
  /// - Parameters:
  ///   - report: what ``verify(_:computed:provingIdentity:)`` gave for the same model.
  /// - Returns: nil if the report refutes no stage.
  /// - Throws: what ``verify(_:computed:provingIdentity:)`` throws.
  /// - Complexity: a few hundred replays of a few rows for each refuted linear stage, and one factorisation; limits on
  ///   the values that are held and the products that are computed are told where they are reached.
  public func diagnosis(
    of model: some Model, _ report: ParityReport, computed: [String: Double] = [:]
  ) throws -> Diagnosis? {
    let refuted = report.stages.filter { $0.certificates.contains(where: \.isRefuted) }
    guard !refuted.isEmpty else { return nil }
    let verifier = try verifier(of: model, computed: computed)
    let (traces, isCut) = try heldTraces(model.graph)
    var diagnosis = Diagnosis(
      findings: [], omitted: refuted.dropFirst(Diagnosis.maximumStages).map(\.name))
    for stageReport in refuted.prefix(Diagnosis.maximumStages) {
      guard let stage = model.graph.stages.first(where: { $0.name == stageReport.name }) else { continue }
      var finding = Diagnosis.Finding(stage.name, stageReport.certificates.filter(\.isRefuted).map(\.kind))
      if isCut { finding.notes.append("judged on the first \(traces.count) of \(cases.count) cases") }
      let before = stageReport.deciding.utilisation
      // Where the engine alone is off, its values are judged in the place of the reference's.
      let isEngine = finding.refuted == [.engine]
      let search = CauseSearch(
        stage: stage, verifier: verifier, traces: traces, probes: probes, isEngine: isEngine, before: before)
      if let layer = LinearLayer(stage, model.parameters, computed) {
        try search.look(into: layer, &finding)
      } else {
        try search.look(&finding)
      }
      diagnosis.findings.append(finding)
    }
    diagnosis.join()
    return diagnosis
  }

  /// As many cases as are held at once.
  private func heldTraces(_ graph: StageGraph) throws -> (traces: [ReferenceTrace], isCut: Bool) {
    var traces: [ReferenceTrace] = []
    var count = 0
    for entry in cases {
      if !traces.isEmpty, count > 40_000_000 { return (traces, true) }
      let trace = try trace(of: entry, graph)
      count += trace.float64.values.map(\.count).reduce(0, +) + trace.float32.values.map(\.count).reduce(0, +)
      traces.append(trace)
    }
    return (traces, false)
  }
}
