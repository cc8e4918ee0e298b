public import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// What this reference would expose of a change of the model's parameters, and what it cannot see.
  ///
  /// - Parameter computed: as in ``verify(_:computed:)``.
  /// - Throws: what ``verify(_:computed:)`` throws.
  /// - Complexity: for each case about three passes of the model in Double.
  public func coverage(of model: some Model, computed: [String: Double] = [:]) throws -> Coverage {
    let verifier = try verifier(of: model, computed: computed)
    var survey = CoverageSurvey(verifier)
    for entry in cases {
      let trace = try trace(of: entry, model.graph)
      try survey.add(trace, model.graph.shapes(inputs: entry.inputs.mapValues(\.shape)))
    }
    for layer in model.graph.stages.compactMap(verifier.layer) {
      if let rows = try probeRows(of: layer) {
        try survey.add(rows.evidence(of: layer), of: layer.name)
      }
    }
    return survey.coverage()
  }
}

/// What the reference's values of one stage in one case are judged by.
struct Judgement {
  let kind: Certificate.Kind
  let operands: [ArrayView<Double>]
  let bound: ArrayView<Double>
  let rounding: Rounding
}

extension StageVerifier {
  /// For the float64 values where they are recorded, else for the float32 values; nil if there are neither.
  func judgement(of stage: Stage, _ trace: ReferenceTrace) throws -> Judgement? {
    guard boundedReference(.float32, stage) != nil else { return nil }
    var workspace = Workspace()
    let name = ValueName.stage(stage.name)
    let double = float64.merging(trace.float64) { $1 }
    if let recorded = double[name], let operands = Self.operands(stage, double) {
      let rounding = reference(.float64, stage)
      let bound = try stage.bound(operands, output: stage.evaluate(operands, &workspace), rounding)
      return Judgement(
        kind: .weights, operands: operands, bound: try Self.finite(bound, where: recorded), rounding: rounding)
    }
    let single = float32.merging(trace.float32) { $1 }
    guard let recorded = single[name], let operands = try Self.operands(stage, single)?.map({ try $0.widened() })
    else { return nil }
    let output = try stage.evaluate(operands, &workspace)
    let rounding = referenceRounding(stage)
    let bound =
      flushesDenormals
      ? try flushingBound(stage, operands, output) : try stage.bound(operands, output: output, rounding)
    return Judgement(
      kind: .reference, operands: operands, bound: try Self.finite(bound, where: recorded), rounding: rounding)
  }

  /// A value that is not finite refutes nothing, whatever the bound.
  private static func finite<Scalar: BinaryFloatingPoint>(
    _ bound: ArrayView<Double>, where recorded: ArrayView<Scalar>
  ) throws -> ArrayView<Double> {
    let values = recorded.values
    guard !values.allSatisfy(\.isFinite) else { return bound }
    return try ArrayView(
      zip(bound.values, values).map { $1.isFinite ? $0 : .infinity }, shape: bound.shape)
  }
}
