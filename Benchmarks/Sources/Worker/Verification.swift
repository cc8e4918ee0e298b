internal import TensorFerry

/// A model and what PyTorch computed with it.
private struct Evidence {
  let model: AttentionClassifier
  let bundle: ReferenceBundle

  init(_ arguments: Arguments) throws {
    let weights = try StateDict(path: arguments.text(0))
    model = try AttentionClassifier(AttentionClassifier.plan(importing: weights), weights)
    bundle = try ReferenceBundle(path: arguments.text(1))
  }
}

/// The library's verdict on everything in a reference.
func verify(_ arguments: Arguments) throws -> () throws -> Void {
  let evidence = try Evidence(arguments)
  return {
    let report = try evidence.bundle.verify(evidence.model)
    guard report.verdict.isParity else { throw Refusal("the verdict is \(report.verdict)") }
  }
}

/// One forward pass by the oracle, in Double, over everything in a reference: each case through every stage, and the rows
/// of the probes, 2 (n + 1) of n features for each linear stage, through that stage.
func runOracle(_ arguments: Arguments) throws -> () throws -> Void {
  let evidence = try Evidence(arguments)
  let (graph, bundle) = (evidence.model.graph, evidence.bundle)
  let parameters = try evidence.model.parameters.mapValues { view in
    try ArrayView(view.values.map(Double.init), shape: view.shape)
  }
  var cases: [[ValueName: ArrayView<Double>]] = []
  for entry in bundle.cases {
    var values: [ValueName: ArrayView<Double>] = [:]
    for (name, view) in parameters { values[.parameter(name)] = view }
    for input in graph.inputs {
      guard let tensor = try entry.inputs[input.name]?.read() else { throw Refusal("'\(input.name)' is missing") }
      let shape = try input.shape(of: tensor.shape)
      values[.input(input.name)] = try ArrayView(tensor.floats().map(Double.init), shape: shape)
    }
    cases.append(values)
  }
  var probes: [(Stage, [ArrayView<Double>])] = []
  if bundle.probes != nil {
    for stage in graph.stages where stage.operation is Linear {
      let weights = stage.operands.dropFirst().compactMap { operand -> ArrayView<Double>? in
        if case .parameter(let name) = operand { parameters[name] } else { nil }
      }
      let features = weights[0].shape[1]
      let rows = try MutableArrayView<Double>(shape: Shape([2 * (features + 1), features])).finished()
      probes.append((stage, [rows] + weights))
    }
  }
  return {
    for values in cases {
      var values = values
      for stage in graph.stages {
        values[.stage(stage.name)] = try run(stage, stage.operands.compactMap { values[$0] })
      }
    }
    for (stage, operands) in probes { _ = try run(stage, operands) }
  }
}

private func run(_ stage: Stage, _ operands: [ArrayView<Double>]) throws -> ArrayView<Double> {
  var output = try MutableArrayView<Double>(shape: stage.operation.outputShape(operands.map(\.shape)))
  withExtendedLifetime(operands) { stage.operation.forward(operands, into: &output) }
  return output.finished()
}
