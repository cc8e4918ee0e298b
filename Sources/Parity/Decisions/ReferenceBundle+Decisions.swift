public import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Judges the choice of a class for each sample of a classifier, end to end.
  ///
  /// - Precondition: the model's output are logits, the classes along the last axis.
  /// - Parameters:
  ///   - computed: as in ``verify(_:computed:)``.
  ///   - labels: the right class of each sample, in the order of the cases; nil for those in the bundle, if it has some.
  /// - Throws: what ``verify(_:computed:)`` throws; ``ParityError`` with code `.invalidLabels` for labels of another
  ///   number, or that are no classes.
  public func decisions(
    of model: some Model, computed: [String: Double] = [:], labels: [Int64]? = nil
  ) throws -> Decisions {
    let verifier = try verifier(of: model, computed: computed)
    let graph = model.graph
    let output = ValueName.stage(graph.output)
    let labels = try self.labels(labels, graph)
    var decisions = Decisions()
    for entry in cases {
      let trace = try trace(of: entry, graph)
      guard let reference = trace.float32[output] else { continue }
      let classes = reference.shape.dimensions.last ?? 0
      guard classes > 0 else { continue }
      let inputs = trace.float32.filter { if case .input = $0.key { true } else { false } }
      let ours = try graph.evaluate(verifier.float32.merging(inputs) { $1 })[output]!
      let oracle = try graph.evaluate(verifier.float64.merging(inputs.mapValues { try $0.widened() }) { $1 })
      let bounds = try [Rounding.float32, .float64].map { rounding in
        try graph.boundOfOutput(oracle) { verifier.reference(rounding, $0) }
      }
      let unbounded = [Double](repeating: .infinity, count: reference.count)
      if let unknown = bounds[0].unknown {
        decisions.obstacle =
          "\(type(of: unknown.operation).id) in stage '\(unknown.name)' does not tell what errors of its operands do"
      }
      if let stage = graph.stages.first(where: { verifier.boundedReference(.float32, $0) == nil }) {
        decisions.obstacle =
          "another program computed the reference, whose \(type(of: stage.operation).id) in stage '\(stage.name)' may be another formula"
      }
      if verifier.flushesDenormals { decisions.obstacle = "the reference was recorded with subnormal numbers flushed" }
      let single = decisions.obstacle == nil ? bounds[0].bound?.values ?? unbounded : unbounded
      let double = bounds[1].bound?.values ?? unbounded
      let (theirs, mine, exact) = (reference.values, ours.values, oracle[output]!.values)
      for sample in 0..<reference.count / classes {
        let range = sample * classes..<(sample + 1) * classes
        decisions.add(
          SampleLogits(
            caseName: entry.name, index: sample, reference: theirs[range], ours: mine[range], oracle: exact[range],
            bound: single[range], exactBound: double[range], label: labels[entry.name]?[sample]))
      }
    }
    return decisions
  }
}
