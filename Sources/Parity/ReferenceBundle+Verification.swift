public import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Compares a model with this reference, stage by stage.
  ///
  /// Each stage is fed the reference's own input, and three differences from an oracle in Double are judged by what
  /// rounding can explain: the reference's float64 values (they prove the weights), the reference's float32 values
  /// (its arithmetic) and our float32 values (this engine). There is no tolerance to choose.
  ///
  /// - Parameter computed: weights of linear layers that were not copied but computed from others, as a weight norm is,
  ///   with the largest relative difference that this explains; see `MappingPlan.computedParameters`.
  /// - Parameter provingIdentity: whether to prove the parameters of linear stages equal bit for bit, as far as the rows
  ///   tell them; see ``ParameterIdentity``.
  /// - Parameter surveyingCoverage: whether to tell what this reference would expose; see ``coverage(of:computed:)``.
  /// - Parameter drawing: whether to collect what ``ParityReport/html`` draws of single values, in bounded memory.
  /// - Throws: ``ParityError`` if the reference was recorded from another model or from one of other sizes, and
  ///   whatever reading its file throws. Differences are not errors: they are in the report.
  /// - Complexity: for each case about four passes of the model in Double; memory for the values of one case.
  public func verify(
    _ model: some Model, computed: [String: Double] = [:], provingIdentity: Bool = true,
    surveyingCoverage: Bool = false, drawing: Bool = false
  ) throws -> ParityReport {
    var verifier = try verifier(of: model, computed: computed)
    if drawing { verifier.collectFigures() }
    var attention = AttentionCollector()
    _ = try labels(nil, model.graph)
    var prover = provingIdentity ? IdentityProver(model, computed: computed) : nil
    var survey = surveyingCoverage ? CoverageSurvey(verifier) : nil
    for entry in cases {
      let trace = try trace(of: entry, model.graph)
      try verifier.add(trace)
      if drawing { attention.add(trace, model.graph, verifier.reports) }
      try prover?.add(trace, verifier)
      try survey?.add(trace, model.graph.shapes(inputs: entry.inputs.mapValues(\.shape)))
    }
    try judgeLinearStages(of: model, computed, &verifier, &prover, &survey)
    var report = ParityReport(
      model: type(of: model).id, file: file, layout: layout, manifest: manifest, caseCount: cases.count,
      stages: verifier.reports, identity: prover?.results ?? [], remarks: try remarks(model.graph),
      digests: try digests(of: model, computed: computed), coverage: survey?.coverage(),
      attention: attention.samples(model.graph))
    report.ledger = Ledger(report, model.graph).assumptions
    return report
  }

  /// - Throws: ``ParityError`` with code `.otherModel`.
  func verifier(of model: some Model, computed: [String: Double]) throws -> StageVerifier {
    let id = type(of: model).id
    guard id == self.model else { throw Self.otherModel(self.model, id, file) }
    var verifier = try StageVerifier(
      model, flushesDenormals: manifest["flush_denormal"]?.bool == true, computed: computed)
    verifier.expUlps = expUlps
    verifier.isForeign = layout == .testData
    verifier.depths = try depths(of: model.graph)
    return verifier
  }

  static func otherModel(_ recorded: String, _ id: String, _ file: String?) -> ParityError {
    ParityError(
      .otherModel, "it was recorded from '\(recorded.escapedForDisplay)', this model is '\(id)'", file: file)
  }

  /// Reads one case and checks that it has the model's shapes.
  func trace(of entry: Case, _ graph: StageGraph) throws -> ReferenceTrace {
    let shapes = try checkedShapes(of: entry, graph)
    var trace = ReferenceTrace(caseName: entry.name)
    for input in graph.inputs {
      let name = ValueName.input(input.name)
      let values = try input.view(of: entry.inputs[input.name]?.read(), shape: shapes[name]!)
      trace.float32[name] = values
      trace.float64[name] = try values.widened()
    }
    for stage in graph.stages {
      let name = ValueName.stage(stage.name)
      if let tensor = entry.stages[stage.name]?.float32 {
        trace.float32[name] = try ArrayView(tensor.read().floats(), shape: shapes[name]!)
        trace.shapes[stage.name] = tensor.shape
      }
      if let tensor = entry.stages[stage.name]?.float64 {
        trace.float64[name] = try ArrayView(tensor.read().doubles(), shape: shapes[name]!)
        trace.shapes[stage.name] = tensor.shape
      }
    }
    return trace
  }

  func checkedShapes(of entry: Case, _ graph: StageGraph) throws -> [ValueName: Shape] {
    func fail(_ code: ParityError.Code, _ reason: String, _ tensor: String) -> ParityError {
      ParityError(code, reason, file: file, tensor: "cases.\(entry.name).\(tensor)")
    }
    for name in entry.inputs.keys.sorted() where !graph.inputs.contains(where: { $0.name == name }) {
      throw fail(.unexpectedInput, "the model has no such input", "inputs.\(name)")
    }
    for name in entry.stages.keys.sorted() where !graph.stages.contains(where: { $0.name == name }) {
      throw fail(.unexpectedStage, "the model has no such stage", "stages.\(name)")
    }
    for input in graph.inputs {
      guard let tensor = entry.inputs[input.name] else {
        if input.mayBeAbsent { continue }
        throw fail(.missingInput, "the input is missing", "inputs.\(input.name)")
      }
      let expected: DType = input.kind == .mask ? .bool : .f32
      guard tensor.dtype == expected else {
        throw fail(
          .wrongType, "must be \(expected.rawValue), it is \(tensor.dtype.rawValue)", "inputs.\(input.name)")
      }
    }
    let shapes: [ValueName: Shape]
    do {
      shapes = try graph.shapes(inputs: entry.inputs.mapValues(\.shape))
    } catch let error as any LocatedError {
      throw ParityError(.inputShape, "the inputs of case \(entry.name) do not fit the model: \(error)", file: file)
    }
    for stage in graph.stages {
      let expected = shapes[.stage(stage.name)]!
      for tensor in [entry.stages[stage.name]?.float32, entry.stages[stage.name]?.float64].compactMap({ $0 })
      where tensor.shape.squeezed != expected.squeezed {
        throw fail(
          .stageShape, "has shape \(tensor.shape), the model gives \(expected)", "stages.\(stage.name)")
      }
    }
    return shapes
  }
}

/// The values of one case, in the shapes that the stages see.
struct ReferenceTrace {
  let caseName: String
  var float32: [ValueName: ArrayView<Float>] = [:]
  var float64: [ValueName: ArrayView<Double>] = [:]
  /// The shapes of stages as recorded.
  var shapes: [String: Shape] = [:]

  init(caseName: String) { self.caseName = caseName }
}
