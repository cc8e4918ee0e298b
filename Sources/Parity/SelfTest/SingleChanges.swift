package import TensorFerryOperators

/// Changes one element of a parameter at a time, in memory, and judges the stages that take it; all other stages are fed
/// the reference's own values and see nothing of it.
package struct SingleChanges {
  private let verifier: StageVerifier
  private let recorded: Recorded

  /// Reads all that the reference recorded.
  package init(_ bundle: ReferenceBundle, _ model: some Model) throws {
    verifier = try bundle.verifier(of: model, computed: [:])
    recorded = try bundle.recorded(for: verifier)
  }

  /// The stages whose recorded values are refuted once an element of a parameter has this value.
  package func stagesRefuted(by value: Float, at offset: Int, of parameter: String) throws -> [String] {
    guard let view = verifier.float32[.parameter(parameter)] else { return [] }
    var values = view.values
    values[offset] = value
    let changed = try ArrayView(values, shape: view.shape)
    let stages = verifier.graph.stages.filter { $0.operands.contains(.parameter(parameter)) }
    return try stages.filter { stage in
      try verifier.judging([stage.name], with: changed, as: parameter).refutes(recorded, at: stage)
    }.map(\.name)
  }
}
