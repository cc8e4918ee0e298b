public import TensorFerryTensors

/// Runs a graph in float32, call after call, in memory that it keeps.
///
/// The first call with inputs of some shapes makes room for what the stages compute; a call with inputs of the same shapes
/// allocates nothing and copies nothing. An engine belongs to one task; several may run one model at the same time.
public struct Engine: ~Copyable {
  public let graph: StageGraph
  private let parameters: [ValueName: ArrayView<Float>]
  private var workspace: Workspace
  private var steps: [Step] = []
  private var shapes: [Shape] = []
  /// The shape of what ``run(_:into:)`` writes for inputs of the last shapes.
  private var outputShape: Shape?

  private struct Step {
    let operation: any Operator
    var operands: [ArrayView<Float>]
    /// Which of the operands are inputs.
    let inputs: [(operand: Int, input: Int)]
    /// Nil for the stage that writes the output.
    let result: ReusedArray?
  }

  /// - Parameter threads: how many an operator of this engine may use; the products of matrices use as many as their
  ///   library is set to.
  public init(_ graph: StageGraph, _ parameters: [String: ArrayView<Float>], threads: Int = 1) {
    self.graph = graph
    self.parameters = Dictionary(uniqueKeysWithValues: parameters.map { (.parameter($0.key), $0.value) })
    workspace = Workspace(threads: threads)
  }

  /// The shape of the output for inputs of these shapes, in the graph's order; makes room for them.
  ///
  /// - Throws: ``ModelError`` and ``OperatorError`` for shapes that do not fit.
  public mutating func prepare(_ inputs: [Shape]) throws -> Shape {
    if let outputShape, inputs == shapes { return outputShape }
    outputShape = nil
    let given = Dictionary(uniqueKeysWithValues: zip(graph.inputs.map(\.name), inputs))
    let all = try graph.shapes(inputs: given)
    var values = parameters
    var results: [ValueName: ReusedArray] = [:]
    // Where an input will be there is an array without elements until the call.
    let placeholder = try MutableArrayView<Float>(shape: [0]).finished()
    for input in graph.inputs { values[.input(input.name)] = placeholder }
    steps = try graph.stages.map { stage in
      let isLast = stage.name == graph.output
      let name = ValueName.stage(stage.name)
      if !isLast {
        let result = try ReusedArray(shape: all[name]!)
        results[name] = result
        values[name] = result.view
      }
      let places = stage.operands.enumerated().compactMap { place, operand in
        graph.inputs.firstIndex { .input($0.name) == operand }.map { (place, $0) }
      }
      return Step(
        operation: stage.operation, operands: stage.operands.map { values[$0]! }, inputs: places,
        result: results[name])
    }
    shapes = inputs
    outputShape = all[.stage(graph.output)]!
    return all[.stage(graph.output)]!
  }

  /// Runs all stages.
  ///
  /// - Parameters:
  ///   - inputs: in the graph's order, all of them: a mask of nothing is zeros.
  ///   - output: of the shape that ``prepare(_:)`` gives.
  /// - Throws: ``ModelError`` and ``OperatorError`` for shapes that do not fit.
  public mutating func run(_ inputs: [ArrayView<Float>], into output: inout MutableArrayView<Float>) throws {
    guard inputs.count == graph.inputs.count else {
      throw ModelError(
        .missingInput, "the model takes \(graph.inputs.count) inputs, \(inputs.count) are given", name: "inputs")
    }
    if !zip(inputs, shapes).allSatisfy({ $0.shape == $1 }) || outputShape == nil {
      _ = try prepare(inputs.map(\.shape))
    }
    guard let outputShape, output.shape == outputShape else {
      throw OperatorError(
        .dimensionMismatch, "the output has shape \(outputShape?.description ?? "-"), there is room for \(output.shape)"
      )
    }
    for index in steps.indices {
      for (operand, input) in steps[index].inputs {
        let view = inputs[input]
        steps[index].operands[operand] = view
      }
      let step = steps[index]
      withExtendedLifetime(step) {
        if let result = step.result {
          result.write { step.operation.forward(step.operands, into: &$0, &workspace) }
        } else {
          step.operation.forward(step.operands, into: &output, &workspace)
        }
      }
    }
  }
}

extension Model {
  /// An engine for this model.
  public func engine(threads: Int = 1) -> Engine { Engine(graph, parameters, threads: threads) }
}

extension FoldedModel {
  /// An engine for the folded graph.
  public func engine(threads: Int = 1) -> Engine { Engine(graph, parameters, threads: threads) }
}
