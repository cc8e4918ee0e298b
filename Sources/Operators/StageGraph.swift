public import TensorFerryTensors

/// A model's forward pass as data: inputs, parameters, and stages in the order in which they run.
///
/// The engine runs it in float32, the oracle in Double, the bound walks it, and the verifier compares it stage by
/// stage with a reference.
public struct StageGraph: Sendable {
  public let inputs: [InputSpec]
  public let parameters: [ParameterSpec]
  public let stages: [Stage]
  /// The name of the stage whose result is the model's answer.
  public let output: String

  /// - Throws: ``GraphError`` with every problem at once.
  public init(inputs: [InputSpec], parameters: [ParameterSpec], stages: [Stage], output: String) throws {
    self.inputs = inputs
    self.parameters = parameters
    self.stages = stages
    self.output = output
    let problems = problems()
    guard problems.isEmpty else { throw GraphError(problems) }
  }

  private func problems() -> [GraphError.Problem] {
    var problems: [GraphError.Problem] = []
    var defined: Set<ValueName> = []
    func define(_ name: ValueName) {
      if !defined.insert(name).inserted {
        problems.append(.init(.duplicateName, "\(name) is defined twice"))
      }
    }
    inputs.forEach { define(.input($0.name)) }
    parameters.forEach { define(.parameter($0.name)) }

    let stageNames = Set(stages.map(\.name))
    var used: Set<ValueName> = []
    for stage in stages {
      for operand in stage.operands {
        used.insert(operand)
        guard !defined.contains(operand) else { continue }
        if case .stage(let name) = operand, stageNames.contains(name) {
          problems.append(.init(.laterOperand, "stage '\(stage.name)' takes \(operand), which does not run before it"))
        } else {
          problems.append(.init(.undefinedOperand, "stage '\(stage.name)' takes \(operand), which is not defined"))
        }
      }
      define(.stage(stage.name))
    }

    for name in inputs.map({ ValueName.input($0.name) }) where !used.contains(name) {
      problems.append(.init(.unusedInput, "no stage takes \(name)"))
    }
    for name in parameters.map({ ValueName.parameter($0.name) }) where !used.contains(name) {
      problems.append(.init(.unusedParameter, "no stage takes \(name)"))
    }
    if !stageNames.contains(output) {
      problems.append(.init(.undefinedOutput, "the output is to be stage '\(output)', which is not defined"))
    }
    return problems
  }
}
