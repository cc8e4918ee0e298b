import TensorFerryOperators
import TensorFerryTensors

/// A model without parameters from any stages on `x` of `[batch, features]`.
struct ChainModel: Model {
  struct Configuration: ModelConfiguration {
    init() {}
    init(json: JSONValue) throws {}
    var json: JSONValue { .object([]) }
  }

  static let id = "Chain/1"
  let configuration = Configuration()
  let graph: StageGraph
  let parameters: [String: ArrayView<Float>] = [:]

  init(configuration: Configuration, parameters: [String: Tensor]) throws {
    graph = try Self.graph(for: configuration)
  }

  init(stages: [Stage]) throws {
    graph = try StageGraph(
      inputs: [InputSpec("x", ["batch", "features"])], parameters: [], stages: stages, output: stages.last!.name)
  }

  static func graph(for configuration: Configuration) throws -> StageGraph {
    try ChainModel(stages: [Stage("first", Softmax(axis: 1), .input("x"))]).graph
  }
}
