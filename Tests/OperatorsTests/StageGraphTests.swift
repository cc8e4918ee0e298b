import TensorFerryOperators
import TensorFerryTensors
import Testing

@Suite("stage graphs")
struct StageGraphTests {
  static let refused: [(GraphError.Code, @Sendable () throws -> StageGraph)] = [
    (.duplicateName, { try graph(stages: [linear("fc", .input("x")), linear("fc", .input("x"))]) }),
    (.undefinedOperand, { try graph(stages: [linear("fc", .input("x")), linear("b", .stage("a"))]) }),
    (.laterOperand, { try graph(stages: [linear("fc", .stage("b")), linear("b", .input("x"))]) }),
    (.unusedInput, { try graph(inputs: ["x", "y"], stages: [linear("fc", .input("x"))]) }),
    (.unusedParameter, { try graph(parameters: ["w", "v"], stages: [linear("fc", .input("x"))]) }),
    (.undefinedOutput, { try graph(stages: [linear("fc", .input("x"))], output: "logits") }),
  ]

  @Test("each kind of problem is refused with its code", arguments: GraphError.Code.allCases)
  func refusal(of code: GraphError.Code) throws {
    let make = try #require(Self.refused.first { $0.0 == code }).1
    let error = #expect(throws: GraphError.self) { try make() }
    #expect(error?.problems.map(\.code) == [code])
  }

  @Test("all problems are named at once")
  func everyProblem() {
    let error = #expect(throws: GraphError.self) {
      try Self.graph(
        inputs: ["x", "x"], stages: [Self.linear("a", .stage("b")), Self.linear("b", .stage("c"))], output: "d")
    }
    #expect(
      error?.problems.map(\.code) == [
        .duplicateName, .laterOperand, .undefinedOperand, .unusedInput, .unusedInput, .undefinedOutput,
      ])
    #expect(error?.description.contains("stage 'b' takes stage 'c', which is not defined") == true)
  }

  @Test("an input, a stage and a parameter may have the same name")
  func sameNameInEachKind() throws {
    let graph = try Self.graph(inputs: ["w"], stages: [Self.linear("w", .input("w"))], output: "w")
    #expect(graph.stages.map(\.name) == ["w"])
  }

  @Test("a dimension that may be left out is 1")
  func optionalDimension() throws {
    let input = InputSpec("x", ["batch", "positions", "features"], optional: "positions")
    #expect(try input.shape(of: [4, 7]) == [4, 1, 7])
    #expect(try input.shape(of: [4, 3, 7]) == [4, 3, 7])
    let error = #expect(throws: ModelError.self) { try input.shape(of: [4, 3, 7, 2]) }
    #expect(error?.description.contains("[batch, positions, features] or [batch, features]") == true)
  }

  private static func linear(_ name: String, _ operand: ValueName) -> Stage {
    Stage(name, Linear(), operand, .parameter("w"))
  }

  private static func graph(
    inputs: [String] = ["x"], parameters: [String] = ["w"], stages: [Stage], output: String = "fc"
  ) throws -> StageGraph {
    try StageGraph(
      inputs: inputs.map { InputSpec($0, ["batch", "features"]) },
      parameters: parameters.map { ParameterSpec($0, [5, 7]) },
      stages: stages, output: output)
  }
}
