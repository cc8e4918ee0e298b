public import TensorFerryTensors

/// Runs a graph in float32, call after call, in memory that it keeps.
///
/// The first call with inputs of some shapes makes room for what the stages compute; a call with inputs of the same shapes
/// allocates nothing and copies nothing. Where the stages keep samples apart, all of them run on a few samples before the
/// next few, so that what one stage writes is still in the cache when the next one reads it; how many depends on the
/// shapes alone. An engine belongs to one task; several may run one model at the same time.
public struct Engine: ~Copyable {
  public let graph: StageGraph
  private let parameters: [ValueName: ArrayView<Float>]
  private var workspace: Workspace
  /// One pass for some samples, and one for the rest if there is one.
  private var passes: [Pass] = []
  private var shapes: [Shape] = []
  /// The shape of what ``run(_:into:)`` writes for inputs of the last shapes.
  private var outputShape: Shape?

  /// All stages, for inputs of some shapes.
  private struct Pass {
    let inputs: [Shape]
    let output: Shape
    var steps: [Step]
  }

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
    let output = try graph.shapes(inputs: inputs)[.stage(graph.output)]!
    passes = []
    var rest = inputs
    if let batch = inputs.first?.dimensions.first, let samples = try graph.samplesAtATime(inputs), samples < batch {
      passes.append(try pass(inputs.map { try $0.withSamples(samples) }))
      rest = try inputs.map { try $0.withSamples(batch % samples) }
    }
    if passes.isEmpty || rest[0][0] > 0 { passes.append(try pass(rest)) }
    shapes = inputs
    outputShape = output
    return output
  }

  private func pass(_ inputs: [Shape]) throws -> Pass {
    let shapes = try graph.shapes(inputs: inputs)
    var values = parameters
    var results: [ValueName: ReusedArray] = [:]
    // Where an input will be there is an array without elements until the call.
    let placeholder = try MutableArrayView<Float>(shape: [0]).finished()
    for input in graph.inputs { values[.input(input.name)] = placeholder }
    let steps = try graph.stages.map { stage in
      let name = ValueName.stage(stage.name)
      if stage.name != graph.output {
        let result = try ReusedArray(shape: shapes[name]!)
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
    return Pass(inputs: inputs, output: shapes[.stage(graph.output)]!, steps: steps)
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
    guard passes.count > 1 || passes[0].output != outputShape else { return run(0, inputs, from: 0, into: &output) }
    let samples = passes[0].inputs[0][0]
    for first in stride(from: 0, to: inputs[0].shape[0], by: samples) {
      run(first + samples <= inputs[0].shape[0] ? 0 : 1, inputs, from: first, into: &output)
    }
  }

  /// Runs a pass on the samples from `first` on.
  private mutating func run(
    _ pass: Int, _ inputs: [ArrayView<Float>], from first: Int, into output: inout MutableArrayView<Float>
  ) {
    for index in passes[pass].steps.indices {
      for (operand, input) in passes[pass].steps[index].inputs {
        let shape = passes[pass].inputs[input]
        let part = inputs[input].part(shape, from: first * shape.sampleSize)
        passes[pass].steps[index].operands[operand] = part
      }
      let step = passes[pass].steps[index]
      withExtendedLifetime(step) {
        if let result = step.result {
          result.write { step.operation.forward(step.operands, into: &$0, &workspace) }
        } else {
          let shape = passes[pass].output
          output.withPart(shape, from: first * shape.sampleSize) {
            step.operation.forward(step.operands, into: &$0, &workspace)
          }
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
