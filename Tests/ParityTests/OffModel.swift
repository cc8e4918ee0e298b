import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors

/// The classifier with a float32 pass of its first layer that is off by a part in 1000, beside a right oracle.
struct OffModel: Model {
  static let id = AttentionClassifier.id
  let configuration: AttentionClassifier.Configuration
  let graph: StageGraph
  let parameters: [String: ArrayView<Float>]

  init(configuration: AttentionClassifier.Configuration, parameters: [String: Tensor]) throws {
    try self.init(AttentionClassifier(configuration: configuration, parameters: parameters))
  }

  init(_ model: AttentionClassifier) throws {
    configuration = model.configuration
    graph = try Self.graph(for: model.configuration)
    parameters = model.parameters
  }

  static func graph(for configuration: AttentionClassifier.Configuration) throws -> StageGraph {
    let graph = try AttentionClassifier.graph(for: configuration)
    let fc = Stage("fc", OffLinear(), .input("x"), .parameter("fc.weight"), .parameter("fc.bias"))
    return try StageGraph(
      inputs: graph.inputs, parameters: graph.parameters, stages: [fc] + graph.stages.dropFirst(), output: graph.output)
  }
}

private struct OffLinear: Operator {
  static let id = "off_linear"

  func outputShape(_ operands: [Shape]) throws -> Shape { try Linear().outputShape(operands) }

  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    Linear().forward(operands, into: &output, &workspace)
    for offset in 0..<output.count { output[offset] *= 1.001 }
  }

  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    Linear().forward(operands, into: &output)
  }

  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    Linear().bound(operands, output: output, rounding, into: &bound)
  }
}
