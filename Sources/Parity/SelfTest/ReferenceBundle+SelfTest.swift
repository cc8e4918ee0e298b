public import TensorFerryOperators
internal import TensorFerryTensors

extension ReferenceBundle {
  /// Corrupts the model in many ways, in memory, and tells which of them this reference exposes.
  ///
  /// - Parameters:
  ///   - seed: the same seed makes the same corruptions.
  ///   - computed: as in ``verify(_:computed:)``.
  /// - Throws: what ``verify(_:computed:)`` throws.
  /// - Complexity: about 25 passes of every stage with parameters, for each case and for the probes; memory for the values of all
  ///   cases and probes.
  public func selfTest(of model: some Model, seed: UInt64 = 0, computed: [String: Double] = [:]) throws -> SelfTest {
    let verifier = try verifier(of: model, computed: computed)
    let evidence = try recorded(for: verifier)
    var random = SplitMix(seed: seed)
    var classes = try Corruption.allCases.map { corruption in
      var result = SelfTest.Class(corruption.rawValue)
      for part in verifier.parts {
        for _ in 0..<corruption.trials {
          try Self.run(corruption, part, verifier, evidence, &random, into: &result)
        }
      }
      return result
    }
    classes.append(try Self.bypassed(verifier, evidence))
    return SelfTest(seed: seed, classes: classes.filter { $0.total > 0 })
  }

  private static func run(
    _ corruption: Corruption, _ part: ParameterPart, _ verifier: StageVerifier, _ recorded: Recorded,
    _ random: inout SplitMix, into result: inout SelfTest.Class
  ) throws {
    let view = verifier.float32[.parameter(part.parameter)]!
    var values = view.values
    let before = Array(values[part.elements])
    let columns = view.shape.rank == 2 ? view.shape[1] : nil
    guard
      let after = corruption.applied(
        to: before, columns: columns, isBias: part.parameter.hasSuffix("bias"), &random),
      // -0 for 0 changes no value.
      after != before
    else { return }
    values.replaceSubrange(part.elements, with: after)
    let mutant = try verifier.judging([part.stage.name], with: ArrayView(values, shape: view.shape), as: part.parameter)
    let size = zip(before, after).map { abs(Double($0) - Double($1)) }.max()
    let fault = SelfTest.Fault(target: part.parameter, stage: part.stage.name, size: size)
    result.add(fault, isKilled: try mutant.refutes(recorded, at: part.stage))
  }

  /// Leaves out each operator whose result has the shape of what it takes, and which has no parameters.
  private static func bypassed(_ verifier: StageVerifier, _ recorded: Recorded) throws -> SelfTest.Class {
    var result = SelfTest.Class("stage_bypassed")
    for stage in verifier.graph.stages {
      let takesParameters = stage.operands.contains { if case .parameter = $0 { true } else { false } }
      guard !takesParameters, let trace = recorded.traces.first,
        let before = trace.float32[stage.operands[0]] ?? verifier.float32[stage.operands[0]],
        let after = trace.float32[.stage(stage.name)], before.shape == after.shape,
        recorded.traces.contains(where: { !$0.isBypass(stage) })
      else { continue }
      let mutant = try verifier.bypassing(stage)
      let fault = SelfTest.Fault(target: stage.name, stage: stage.name, size: nil)
      result.add(fault, isKilled: try mutant.refutes(recorded, at: stage))
    }
    return result
  }
}

extension ReferenceTrace {
  /// Whether the stage passes on what it takes in this case, so that leaving it out changes nothing.
  fileprivate func isBypass(_ stage: Stage) -> Bool {
    float32[stage.operands[0]]?.values == float32[.stage(stage.name)]?.values
  }
}
