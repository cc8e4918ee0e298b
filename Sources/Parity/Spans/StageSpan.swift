internal import TensorFerryOperators
internal import TensorFerryTensors

/// The stages between what is recorded and a recorded stage, which are judged as one.
struct StageSpan {
  /// In forward order; the last one is the recorded stage, the others are not recorded.
  let stages: [Stage]

  /// - Parameter values: what is recorded, and the parameters.
  init<Scalar>(to stage: Stage, in graph: StageGraph, _ values: [ValueName: ArrayView<Scalar>]) {
    var needed: Set<String> = [stage.name]
    for earlier in graph.stages.reversed() where needed.contains(earlier.name) {
      for case .stage(let name) in earlier.operands where values[.stage(name)] == nil { needed.insert(name) }
    }
    stages = graph.stages.filter { needed.contains($0.name) }
  }

  /// The stages that are not recorded.
  var unrecorded: [String] { stages.dropLast().map(\.name) }

  /// Runs the stages and returns the result of the last one.
  func evaluate<Scalar: StageScalar>(
    _ values: [ValueName: ArrayView<Scalar>]
  ) throws -> [ValueName: ArrayView<Scalar>] {
    var values = values
    var workspace = Workspace()
    for stage in stages {
      values[.stage(stage.name)] = try stage.evaluate(stage.operands.map { values[$0]! }, &workspace)
    }
    return values
  }

  /// What rounding in all of the stages together can explain of a difference from the oracle in the last one.
  ///
  /// - Parameters:
  ///   - values: what is recorded, and what the oracle has for the other stages of the span.
  ///   - rounding: of each stage; nil where nothing is known of it.
  /// - Returns: infinities if an operator does not tell what errors of its operands make of its result; that operator.
  func bound(
    _ values: [ValueName: ArrayView<Double>], _ rounding: (Stage) -> Rounding?
  ) throws -> (bound: ArrayView<Double>, obstacle: Stage?) {
    var errors: [ValueName: ArrayView<Double>] = [:]
    for stage in stages {
      let operands = stage.operands.map { values[$0]! }
      let operandErrors = stage.operands.map { errors[$0] }
      let output = values[.stage(stage.name)]!
      let found = try withExtendedLifetime((operands, operandErrors, output)) {
        try rounding(stage).flatMap {
          try stage.operation.boundOfAll(operands, errors: operandErrors, output: output, $0)
        }
      }
      guard let found else {
        let last = values[.stage(stages[stages.count - 1].name)]!
        return (try ArrayView([Double](repeating: .infinity, count: last.count), shape: last.shape), stage)
      }
      errors[.stage(stage.name)] = found
    }
    return (errors[.stage(stages[stages.count - 1].name)]!, nil)
  }
}
