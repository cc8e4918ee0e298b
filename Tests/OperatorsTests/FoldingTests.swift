import TensorFerryOperators
import TensorFerryTensors
import Testing

/// Rules on small graphs with random parameters: what is left computes the same in Double.
@Suite("folding")
struct FoldingTests {
  @Test("linear after linear becomes one, if that is fewer multiplications")
  func linearAfterLinear() throws {
    let layers = try Self.twoLayers(inner: 9)
    let folded = try Self.folded(layers, inputs: ["x": [4, 5]])
    #expect(folded.rules == ["linear after linear"])
    #expect(folded.graph.stages.map(\.name) == ["b"])
    #expect(folded.multiplications == (4 * 3 * 5, 4 * 9 * (5 + 3)))
    try Self.expectEqual(layers, folded, ["x": [4, 5]])
    // 2 numbers between: 5 * 2 + 2 * 3 multiplications for each row are as few as 5 * 3 and no more.
    #expect(throws: ModelError.self) { try Self.folded(Self.twoLayers(inner: 1), inputs: ["x": [4, 5]]) }
  }

  @Test("a layer whose result another stage takes as well stays, and is not computed twice")
  func sharedResult() throws {
    let layers = try Self.model(
      [("x", ["rows", "features"])], ["a.weight": [9, 5], "b.weight": [3, 9], "c.weight": [3, 9]],
      [
        Stage("a", Linear(), .input("x"), .parameter("a.weight")),
        Stage("b", Linear(), .stage("a"), .parameter("b.weight")),
        Stage("c", Linear(), .stage("a"), .parameter("c.weight")),
        Stage("sum", Add(), .stage("b"), .stage("c")),
      ])
    let folded = try Self.folded(layers, inputs: ["x": [4, 5]])
    #expect(folded.graph.stages.map(\.name) == ["b", "c", "sum"])
    try Self.expectEqual(layers, folded, ["x": [4, 5]])
  }

  @Test("a nonlinear stage between layers stops the rule")
  func nonlinear() throws {
    let layers = try Self.model(
      [("x", ["rows", "features"])], ["a.weight": [9, 5], "b.weight": [3, 9]],
      [
        Stage("a", Linear(), .input("x"), .parameter("a.weight")), Stage("r", ReLU(), .stage("a")),
        Stage("b", Linear(), .stage("r"), .parameter("b.weight")),
      ])
    let error = #expect(throws: ModelError.self) { try Self.folded(layers, inputs: ["x": [4, 5]]) }
    #expect(error?.problems.map(\.code) == [.notFoldable])
  }

  @Test("attention over positions becomes one pass, without the bias of the scores")
  func attention() throws {
    let attention = try Self.attention(softmaxAxis: 1)
    let folded = try Self.folded(attention, inputs: ["x": [2, 6, 7]])
    #expect(folded.graph.stages.map { type(of: $0.operation).id } == ["attention_pooling", "linear"])
    #expect(
      Set(folded.rules) == [
        "linear after linear", "a shift into softmax", "linear through a convex combination", "attention in one pass",
      ])
    for shape in [[2, 6, 7], [3, 1, 7], [1, 11, 7]] as [Shape] { try Self.expectEqual(attention, folded, ["x": shape]) }
  }

  @Test("where the two products behind the pooling are fewer multiplications, they stay apart")
  func cheaperOrder() throws {
    // C D = 40 * 12 against H D + C H = 2 * 12 + 40 * 2.
    let narrow = try Self.folded(Self.attention(softmaxAxis: 1, sizes: (12, 2, 40)), inputs: ["x": [1, 30, 12]])
    #expect(narrow.graph.stages.map { type(of: $0.operation).id } == ["attention_pooling", "linear", "linear"])
    // 3 * 12 against 20 * 12 + 3 * 20.
    let wide = try Self.folded(Self.attention(softmaxAxis: 1, sizes: (12, 20, 3)), inputs: ["x": [1, 30, 12]])
    #expect(wide.graph.stages.map { type(of: $0.operation).id } == ["attention_pooling", "linear"])
  }

  @Test("weights that do not sum to 1 over the positions do not let a layer through")
  func wrongAxis() throws {
    let attention = try Self.attention(softmaxAxis: 2)
    let folded = try? Self.folded(attention, inputs: ["x": [2, 6, 7]])
    #expect(folded?.rules.contains("linear through a convex combination") != true)
    if let folded { try Self.expectEqual(attention, folded, ["x": [2, 6, 7]]) }
  }

  @Test("the certificate compares with the faithful model's bound")
  func certificate() throws {
    let attention = try Self.attention(softmaxAxis: 1)
    let folded = try Self.folded(attention, inputs: ["x": [2, 6, 7]])
    let x = try Self.random([2, 6, 7])
    let certificate = try folded.certificate(on: ["x": x])
    #expect(certificate.holds)
    #expect(certificate.compared == 2 * 3)
    #expect(certificate.utilisation > 0)
    let huge = try Tensor(x.floats().map { $0 * 1e38 }, shape: x.shape)
    #expect(try !folded.certificate(on: ["x": huge]).holds)
  }

  @Test("an engine gives the bits of a run, call after call, whatever shapes came before")
  func engine() throws {
    let attention = try Self.attention(softmaxAxis: 1)
    let folded = try Self.folded(attention, inputs: ["x": [2, 6, 7]])
    var faithfulEngine = attention.engine()
    var foldedEngine = folded.engine(threads: 2)
    for shape in [[2, 6, 7], [2, 6, 7], [5, 3, 7], [2, 6, 7]] as [Shape] {
      let x = try Self.random(shape)
      let view = try ArrayView(x.floats(), shape: shape)
      var output = try MutableArrayView<Float>(shape: faithfulEngine.prepare([shape]))
      try faithfulEngine.run([view], into: &output)
      #expect(try output.finished().values == attention.output(["x": x]).floats())
      var foldedOutput = try MutableArrayView<Float>(shape: foldedEngine.prepare([shape]))
      try foldedEngine.run([view], into: &foldedOutput)
      #expect(try foldedOutput.finished().values == folded.output(["x": x]).floats())
    }
  }

  @Test("an engine refuses another number of inputs and an output of another shape")
  func engineRefuses() throws {
    var engine = try Self.attention(softmaxAxis: 1).engine()
    let x = try ArrayView(Self.random([2, 6, 7]).floats(), shape: [2, 6, 7])
    var output = try MutableArrayView<Float>(shape: [2, 4])
    do {
      try engine.run([x], into: &output)
      Issue.record("it ran")
    } catch let error as OperatorError { #expect(error.code == .dimensionMismatch) }
    do {
      try engine.run([], into: &output)
      Issue.record("it ran")
    } catch let error as ModelError { #expect(error.problems.map(\.code) == [.missingInput]) }
  }

  // MARK: graphs

  struct Graph: Model {
    struct Configuration: ModelConfiguration {
      init() {}
      init(json: JSONValue) throws {}
      var json: JSONValue { [:] }
    }
    static let id = "Graph/1"
    let configuration = Configuration()
    let graph: StageGraph
    let parameters: [String: ArrayView<Float>]

    static func graph(for configuration: Configuration) throws -> StageGraph {
      try StageGraph(inputs: [], parameters: [], stages: [], output: "")
    }
    init(configuration: Configuration, parameters: [String: Tensor]) throws {
      (graph, self.parameters) = (try Self.graph(for: configuration), [:])
    }
    init(_ graph: StageGraph, _ parameters: [String: Tensor]) throws {
      self.graph = graph
      self.parameters = try graph.load(parameters)
    }
  }

  static func model(
    _ inputs: [(String, [String])], _ shapes: KeyValuePairs<String, Shape>, _ stages: [Stage]
  ) throws -> Graph {
    let graph = try StageGraph(
      inputs: inputs.map { InputSpec($0.0, $0.1) }, parameters: shapes.map { ParameterSpec($0.key, $0.value) },
      stages: stages, output: stages.last!.name)
    return try Graph(
      graph, Dictionary(uniqueKeysWithValues: shapes.map { ($0.key, try random($0.value)) }))
  }

  private static func twoLayers(inner: Int) throws -> Graph {
    try model(
      [("x", ["rows", "features"])],
      ["a.weight": Shape([inner, 5]), "a.bias": Shape([inner]), "b.weight": Shape([3, inner]), "b.bias": [3]],
      [
        Stage("a", Linear(), .input("x"), .parameter("a.weight"), .parameter("a.bias")),
        Stage("b", Linear(), .stage("a"), .parameter("b.weight"), .parameter("b.bias")),
      ])
  }

  private static func attention(
    softmaxAxis: Int, sizes: (input: Int, hidden: Int, classes: Int) = (7, 5, 3)
  ) throws -> Graph {
    let (d, h, c) = sizes
    return try model(
      [("x", ["batch", "positions", "features"])],
      [
        "fc.weight": Shape([h, d]), "fc.bias": Shape([h]), "attention.weight": Shape([1, h]), "attention.bias": [1],
        "classifier.weight": Shape([c, h]), "classifier.bias": Shape([c]),
      ],
      [
        Stage("fc", Linear(), .input("x"), .parameter("fc.weight"), .parameter("fc.bias")),
        Stage("scores", Linear(), .stage("fc"), .parameter("attention.weight"), .parameter("attention.bias")),
        Stage("weights", Softmax(axis: softmaxAxis), .stage("scores")),
        Stage("attended", WeightedSum(), .stage("weights"), .stage("fc")),
        Stage("output", Linear(), .stage("attended"), .parameter("classifier.weight"), .parameter("classifier.bias")),
      ])
  }

  private static func folded(_ model: Graph, inputs: [String: Shape]) throws -> FoldedModel {
    try FoldedModel(model, inputs: inputs)
  }

  private static func random(_ shape: Shape) throws -> Tensor {
    try Tensor((0..<shape.elementCount).map { _ in Float.random(in: -1...1) }, shape: shape)
  }

  /// The coefficients were rounded once to float32: what is left computes the same up to that.
  private static func expectEqual(_ model: Graph, _ folded: FoldedModel, _ inputs: [String: Shape]) throws {
    let given = try inputs.mapValues(random)
    let values = try given.map { (ValueName.input($0.key), try ArrayView($0.value.doubles(), shape: $0.value.shape)) }
    func output(_ graph: StageGraph, _ parameters: [String: ArrayView<Float>]) throws -> [Double] {
      let wide = try parameters.map { (ValueName.parameter($0.key), try $0.value.widened()) }
      return try graph.evaluate(Dictionary(uniqueKeysWithValues: values + wide))[.stage(graph.output)]!.values
    }
    let (expected, found) = try (output(model.graph, model.parameters), output(folded.graph, folded.parameters))
    #expect(expected.count == found.count)
    #expect(zip(expected, found).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(expected.contains { abs($0) > 1e-3 })
  }
}
