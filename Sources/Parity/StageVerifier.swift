internal import TensorFerryOperators
internal import TensorFerryTensors

/// Runs every stage of a model on the reference's own values and judges what comes out, case by case.
struct StageVerifier {
  var reports: [StageReport]
  private(set) var graph: StageGraph
  private(set) var float32: [ValueName: ArrayView<Float>]
  private(set) var float64: [ValueName: ArrayView<Double>]
  let flushesDenormals: Bool
  /// The error of the reference's exponential function; see ``Rounding/expUlps``.
  var expUlps = 1.0
  /// Whether another program than PyTorch may have computed the reference.
  var isForeign = false
  /// For each stage whose order of summation was probed, the most additions that one term goes through.
  var depths: [String: Int] = [:] {
    didSet { for index in reports.indices { reports[index].depth = depths[reports[index].name] } }
  }
  /// For each stage, the largest relative difference that its weights may have from those of the reference.
  let weightDifferences: [String: Double]
  /// The stages that are judged; nil for all.
  private var judged: Set<String>?
  /// Whether to ask what is usual, which takes time.
  private var judgesTypicality = true

  init(_ model: some Model, flushesDenormals: Bool, computed: [String: Double]) throws {
    graph = model.graph
    reports = graph.stages.map { StageReport($0.name) }
    float32 = Dictionary(uniqueKeysWithValues: model.parameters.map { (.parameter($0.key), $0.value) })
    float64 = try float32.mapValues { try $0.widened() }
    self.flushesDenormals = flushesDenormals
    var differences: [String: Double] = [:]
    for (index, stage) in model.graph.stages.enumerated() {
      for operand in stage.operands {
        guard case .parameter(let name) = operand, let difference = computed[name] else { continue }
        differences[stage.name] = max(differences[stage.name] ?? 0, difference)
        reports[index].allowances.append(
          "'\(name)' was computed, not copied: the bounds allow its elements a relative difference of \(difference)")
      }
    }
    weightDifferences = differences
  }

  /// The same with another value of a parameter, judging some stages only.
  func judging(
    _ stages: Set<String>, with view: ArrayView<Float>, as parameter: String
  ) throws -> StageVerifier {
    var verifier = self
    verifier.judged = stages
    verifier.judgesTypicality = false
    verifier.float32[.parameter(parameter)] = view
    verifier.float64[.parameter(parameter)] = try view.widened()
    return verifier
  }

  /// The same without the operator of one stage, judging that stage only.
  func bypassing(_ stage: Stage) throws -> StageVerifier {
    var verifier = self
    verifier.judged = [stage.name]
    verifier.judgesTypicality = false
    verifier.graph = try StageGraph(
      inputs: graph.inputs, parameters: graph.parameters,
      stages: graph.stages.map { $0.name == stage.name ? Stage($0.name, Bypass(), $0.operands) : $0 },
      output: graph.output)
    return verifier
  }

  /// How the reference rounds, its weights included.
  func reference(_ rounding: Rounding, _ stage: Stage) -> Rounding {
    var rounding = rounding
    rounding.weightDifference = weightDifferences[stage.name] ?? 0
    rounding.expUlps = max(rounding.expUlps, expUlps)
    return rounding
  }

  mutating func add(_ trace: ReferenceTrace) throws {
    let single = float32.merging(trace.float32) { $1 }
    let double = float64.merging(trace.float64) { $1 }
    for (index, stage) in graph.stages.enumerated() where judged?.contains(stage.name) ?? true {
      if let shape = trace.shapes[stage.name], reports[index].shape == nil { reports[index].shape = shape }
      let ours = try judgeFloat32(stage, single, double, trace, &reports[index])
      try judgeFloat64(stage, double, trace, ours, &reports[index])
    }
  }

  /// Judges float64 values of a stage that belong to no case.
  mutating func add(_ comparison: Comparison, of stage: String) {
    guard let index = reports.firstIndex(where: { $0.name == stage }) else { return }
    reports[index][.weights].compare(comparison)
  }

  /// Judges the reference's float32 values and ours against the oracle on the float32 input.
  ///
  /// - Parameter doubles: where inputs and parameters are widened already.
  /// - Returns: our values, or nil if the reference lacks the stage or its input.
  private func judgeFloat32(
    _ stage: Stage, _ values: [ValueName: ArrayView<Float>], _ doubles: [ValueName: ArrayView<Double>],
    _ trace: ReferenceTrace, _ report: inout StageReport
  ) throws -> [Double]? {
    guard let recorded = values[.stage(stage.name)] else {
      report.gaps.append("case \(trace.caseName) lacks the float32 values of stage '\(stage.name)'")
      return nil
    }
    guard let operands = Self.operands(stage, values), boundedReference(.float32, stage) != nil else {
      return try judgeFloat32Span(to: stage, values, trace, &report)
    }
    var workspace = Workspace()
    let ours = try stage.evaluate(operands, &workspace)
    let wide = try zip(stage.operands, operands).map { name, operand in
      if case .stage = name { return try operand.widened() }
      return try doubles[name] ?? operand.widened()
    }
    let oracle = try stage.evaluate(wide, &workspace)
    let bound = try stage.bound(wide, output: oracle, .float32)
    let referenceBound =
      flushesDenormals
      ? try flushingBound(stage, wide, oracle)
      : referenceRounding(stage) == .float32 ? bound : try stage.bound(wide, output: oracle, referenceRounding(stage))

    let (reference, engine) = (recorded.values.map(Double.init), ours.values.map(Double.init))
    func comparison(
      _ judged: [Double], _ bound: ArrayView<Double>, _ deviation: ArrayView<Double>?, _ rounding: Rounding
    ) -> Comparison {
      Comparison(
        caseName: trace.caseName, shape: trace.shapes[stage.name]!, judged: judged, oracle: oracle, bound: bound,
        deviation: deviation, reference: reference, ours: engine, rounding: rounding)
    }
    let (usual, usualOfReference) = try deviations(stage, wide, oracle)
    report[.reference].compare(comparison(reference, referenceBound, usualOfReference, referenceRounding(stage)))
    report[.engine].compare(comparison(engine, bound, usual, .float32))
    report.count(recorded, ours)
    return engine
  }

  /// Judges the reference's float64 values against the oracle on the float64 input.
  private func judgeFloat64(
    _ stage: Stage, _ values: [ValueName: ArrayView<Double>], _ trace: ReferenceTrace, _ ours: [Double]?,
    _ report: inout StageReport
  ) throws {
    guard let recorded = values[.stage(stage.name)] else {
      report.notes.append("case \(trace.caseName) lacks the float64 values of stage '\(stage.name)'")
      return
    }
    guard let operands = Self.operands(stage, values), boundedReference(.float64, stage) != nil else {
      return try judgeFloat64Span(to: stage, values, trace, ours, &report)
    }
    var workspace = Workspace()
    let oracle = try stage.evaluate(operands, &workspace)
    let judged = recorded.values
    report[.weights].compare(
      Comparison(
        caseName: trace.caseName, shape: trace.shapes[stage.name]!, judged: judged, oracle: oracle,
        bound: try stage.bound(operands, output: oracle, reference(.float64, stage)),
        deviation: try deviation(stage, operands, oracle, reference(.float64, stage)), reference: judged,
        ours: ours, rounding: reference(.float64, stage)))
  }

  /// A reference that was recorded with subnormal numbers flushed to 0 loses up to the smallest normal number in each
  /// operation. What it loses by reading a subnormal operand as 0 has no bound here, so nothing is proven then.
  func flushingBound(
    _ stage: Stage, _ operands: [ArrayView<Double>], _ oracle: ArrayView<Double>
  ) throws -> ArrayView<Double> {
    let rounding = referenceRounding(stage)
    let hasSubnormals = operands.contains { $0.values.contains { $0 != 0 && abs($0) < rounding.leastNormal } }
    guard hasSubnormals else { return try stage.bound(operands, output: oracle, rounding) }
    return try ArrayView([Double](repeating: .infinity, count: oracle.count), shape: oracle.shape)
  }

  /// What is usual for this engine and for the reference, in float32.
  private func deviations(
    _ stage: Stage, _ operands: [ArrayView<Double>], _ oracle: ArrayView<Double>
  ) throws -> (engine: ArrayView<Double>?, reference: ArrayView<Double>?) {
    let engine = try deviation(stage, operands, oracle, .float32)
    let rounding = referenceRounding(stage)
    return (engine, rounding == .float32 ? engine : try deviation(stage, operands, oracle, rounding))
  }

  private func deviation(
    _ stage: Stage, _ operands: [ArrayView<Double>], _ oracle: ArrayView<Double>, _ rounding: Rounding
  ) throws -> ArrayView<Double>? {
    guard judgesTypicality else { return nil }
    return try withExtendedLifetime((operands, oracle)) {
      try stage.operation.deviation(operands, output: oracle, rounding)
    }
  }

  static func operands<Scalar>(
    _ stage: Stage, _ values: [ValueName: ArrayView<Scalar>]
  ) -> [ArrayView<Scalar>]? {
    let operands = stage.operands.compactMap { values[$0] }
    return operands.count == stage.operands.count ? operands : nil
  }
}
