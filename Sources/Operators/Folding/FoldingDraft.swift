internal import TensorFerryTensors

/// A graph that is being rewritten: its stages, and what their parameters are made of.
struct FoldingDraft {
  let inputs: [InputSpec]
  let output: String
  /// Without those that do not lead to the output.
  private(set) var stages: [Stage]
  private(set) var coefficients: [String: Coefficient]
  /// The shapes of the model's parameters.
  let shapes: [String: Shape]
  /// The rules that led here, in order.
  private(set) var rules: [String] = []

  /// A linear stage, as the rules see it.
  struct LinearStage {
    let stage: Stage
    let input: ValueName
    let weight: Coefficient
    let bias: Coefficient?
  }

  init(_ graph: StageGraph) {
    inputs = graph.inputs
    output = graph.output
    stages = graph.stages
    coefficients = [:]
    shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) })
  }

  subscript(_ name: ValueName) -> Stage? {
    guard case .stage(let name) = name else { return nil }
    return stages.first { $0.name == name }
  }

  /// The stages that take a value.
  func users(of name: ValueName) -> [Stage] { stages.filter { $0.operands.contains(name) } }

  func linear(_ stage: Stage?) -> LinearStage? {
    guard let stage, let operation = stage.operation as? Linear, case .parameter = stage.operands[1] else { return nil }
    func coefficient(_ operand: ValueName, _ part: Linear.Part) -> Coefficient? {
      guard case .parameter(let name) = operand else { return nil }
      return coefficients[name] ?? .parameter(name, part: part)
    }
    guard let weight = coefficient(stage.operands[1], operation.weight) else { return nil }
    let bias = stage.operands.count == 3 ? coefficient(stage.operands[2], operation.bias) : nil
    return LinearStage(stage: stage, input: stage.operands[0], weight: weight, bias: bias)
  }

  /// The same with a stage replaced by others, of which the last bears its name.
  func replacing(_ name: String, by replacement: [NewStage], rule: String) -> FoldingDraft {
    var draft = self
    var made: [Stage] = []
    for new in replacement {
      var operands = new.operands
      for (suffix, coefficient) in new.parameters {
        let parameter = "\(new.name).\(suffix)"
        draft.coefficients[parameter] = coefficient
        operands.append(.parameter(parameter))
      }
      made.append(Stage(new.name, new.operation, operands))
    }
    let index = stages.firstIndex { $0.name == name }!
    draft.stages.replaceSubrange(index...index, with: made)
    draft.rules.append(rule)
    draft.prune()
    return draft
  }

  /// A stage whose parameters are its own, behind its operands.
  struct NewStage {
    let name: String
    let operation: any Operator
    let operands: [ValueName]
    var parameters: [(String, Coefficient)] = []

    init(_ name: String, _ operation: any Operator, _ operands: ValueName...) {
      (self.name, self.operation, self.operands) = (name, operation, operands)
    }

    static func linear(_ name: String, _ input: ValueName, _ weight: Coefficient, _ bias: Coefficient?) -> NewStage {
      var stage = NewStage(name, Linear(), input)
      stage.parameters = [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
      return stage
    }
  }

  private mutating func prune() {
    var needed: Set<ValueName> = [.stage(output)]
    for stage in stages.reversed() where needed.contains(.stage(stage.name)) { needed.formUnion(stage.operands) }
    stages.removeAll { !needed.contains(.stage($0.name)) }
    coefficients = coefficients.filter { needed.contains(.parameter($0.key)) }
  }

  /// What two drafts that compute the same in the same way have in common.
  var key: String {
    stages.map { stage in
      let operands = stage.operands.map { operand -> String in
        guard case .parameter(let name) = operand, let coefficient = coefficients[name] else { return "\(operand)" }
        return "\(coefficient)"
      }
      return "\(stage.name) = \(stage.operation)(\(operands.joined(separator: ", ")))"
    }.joined(separator: "\n")
  }
}

extension FoldingDraft {
  /// The graph that is left, in which what was computed is a parameter under a new name.
  func graph() throws -> StageGraph {
    let names = stages.flatMap(\.operands).compactMap { operand -> String? in
      if case .parameter(let name) = operand { name } else { nil }
    }
    var seen: Set<String> = []
    let specs = try names.filter { seen.insert($0).inserted }.map { name -> ParameterSpec in
      guard let coefficient = coefficients[name] else { return ParameterSpec(name, shapes[name]!) }
      let (rows, columns) = coefficient.size(shapes)
      return ParameterSpec(name, try Shape(name.hasSuffix(".bias") ? [rows] : [rows, columns]))
    }
    return try StageGraph(inputs: inputs, parameters: specs, stages: stages, output: output)
  }

  /// How many products of two numbers a pass takes; nil if the shapes do not fit.
  func multiplications(_ inputs: [String: Shape]) throws -> Int {
    let graph = try graph()
    let shapes = try graph.shapes(inputs: inputs)
    return stages.reduce(0) { count, stage in
      count + stage.operation.multiplications(stage.operands.map { shapes[$0]! }, output: shapes[.stage(stage.name)]!)
    }
  }
}
