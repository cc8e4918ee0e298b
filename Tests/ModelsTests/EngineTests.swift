import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Batches of which an engine takes some samples at a time, and weights that stay in their file.
@Suite("engine")
struct EngineTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let id: String
    let configuration: JSONValue
    /// For one sample, in the graph's order.
    let inputs: [[Int]]
    /// How many samples fit in what is computed at a time.
    let samples: Int
    var testDescription: String { id }
  }

  /// The largest stage of a sample has 512 x 64, 4 x 64 x 96, and 200 x 200 elements, of the 262,144 at a time.
  static let cases = [
    Case(
      id: "AttentionClassifier/1",
      configuration: ["input_size": JSONValue(7), "hidden_size": JSONValue(64), "num_classes": JSONValue(3)],
      inputs: [[512, 7]], samples: 8),
    Case(
      id: "MultiheadAttention/1",
      configuration: [
        "model_size": JSONValue(8), "key_size": JSONValue(8), "value_size": JSONValue(8), "num_heads": JSONValue(4),
        "bias": .bool(true),
      ],
      inputs: [[64, 8], [96, 8], [96, 8], [96]], samples: 10),
    Case(id: "SelfAttention/1", configuration: ["scaled": .bool(true)], inputs: [[200, 5]], samples: 6),
  ]

  @Test("some samples at a time give what the samples give alone, the rest of a batch included", arguments: cases)
  func samplesAtATime(form: Case) throws {
    let type = try #require(ModelRegistry.model(form.id))
    try Self.check(type, form)
  }

  private static func check<M: Model>(_ type: M.Type, _ form: Case) throws {
    let model = try M.make(configuration: form.configuration, parameters: parameters(of: M.self, form.configuration))
    let batch = 2 * form.samples + 1
    let inputs = try zip(model.graph.inputs, form.inputs).map { spec, size in
      // A mask ignores nothing.
      try spec.kind == .mask ? MutableArrayView(shape: Shape([batch] + size)).finished() : random([batch] + size)
    }
    var engine = model.engine()
    let together = try output(&engine, inputs)
    // Each part of the batch by itself, in an engine that has it as a whole.
    for range in [0..<form.samples, form.samples..<2 * form.samples, 2 * form.samples..<batch] {
      var alone = model.engine()
      let parts = try inputs.map { try part($0, range) }
      let size = together.count / batch
      #expect(
        try output(&alone, parts) == Array(together[range.lowerBound * size..<range.upperBound * size]),
        "samples \(range)")
    }
    // And against arithmetic in Double, which takes the batch as a whole.
    let names = model.graph.inputs.map(\.name)
    var values = Dictionary(
      uniqueKeysWithValues: try model.parameters.map { (ValueName.parameter($0.key), try $0.value.widened()) })
    for (name, input) in zip(names, inputs) { values[.input(name)] = try input.widened() }
    let exact = try #require(try model.graph.evaluate(values)[.stage(model.graph.output)])
    #expect(exact.count == together.count)
    #expect(together.indices.allSatisfy { abs(Double(together[$0]) - exact[$0]) < 1e-4 })
  }

  @Test("softmax over the samples is computed over all of them")
  func acrossSamples() throws {
    let graph = try StageGraph(
      inputs: [InputSpec("x", ["batch", "features"])], parameters: [],
      stages: [
        Stage("weights", Softmax(axis: 0), .input("x")), Stage("output", Add(), .stage("weights"), .input("x")),
      ], output: "output")
    let x = try Self.random([700, 1000])
    var engine = Engine(graph, [:])
    let found = try Self.output(&engine, [x])
    let exact = try #require(try graph.evaluate([.input("x"): x.widened()])[.stage("output")])
    #expect(found.indices.allSatisfy { abs(Double(found[$0]) - exact[$0]) < 1e-5 })
  }

  @Test("float32 weights stay in their mapped file, others are widened; a model that reads its file has its own")
  func mapsWeights() throws {
    try withTemporaryDirectory { directory in
      for dtype in [DType.f32, .f16] {
        let path = directory.appending(path: "\(dtype.rawValue).safetensors").path
        let configuration: JSONValue = [
          "input_size": JSONValue(7), "hidden_size": JSONValue(5), "num_classes": JSONValue(3),
        ]
        var state = StateDict()
        let tensors = try Self.parameters(of: AttentionClassifier.self, configuration)
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
          try state.append(name, LazyTensor(tensor).cast(to: dtype))
        }
        try state.write(to: URL(filePath: path), format: .safetensors)
        let x = try Tensor([1, -2, 3, 0.5, 1, -1, 2] as [Float], shape: [1, 7])
        let weights = try StateDict(contentsOf: URL(filePath: path))
        let plan = AttentionClassifier.plan(importing: weights)
        let mapped = try AttentionClassifier(plan, weights)
        let read = try AttentionClassifier(plan, weights, mapsFile: false)
        let before = try mapped(x)
        #expect(try read(x) == before)
        // What is in the file changes: who had copied it does not see that.
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        let classifier = try #require(weights["classifier.bias"])
        try handle.seek(toOffset: try #require(classifier.fileOffset))
        try handle.write(contentsOf: Data(repeating: 0, count: classifier.byteCount))
        try handle.close()
        #expect(try read(x) == before)
        #expect(try (mapped(x) == before) == (dtype == .f16))
      }
    }
  }

  // MARK: -

  private static func parameters<M: Model>(of: M.Type, _ configuration: JSONValue) throws -> [String: Tensor] {
    try Dictionary(
      uniqueKeysWithValues: M.parameters(of: M.Configuration(json: configuration)).map { spec in
        (spec.name, try Tensor(random(spec.shape.dimensions).values, shape: spec.shape))
      })
  }

  private static func random(_ dimensions: [Int]) throws -> ArrayView<Float> {
    let shape = try Shape(dimensions)
    return try ArrayView((0..<shape.elementCount).map { _ in .random(in: -0.5...0.5) }, shape: shape)
  }

  private static func part(_ x: ArrayView<Float>, _ range: Range<Int>) throws -> ArrayView<Float> {
    let size = x.count / x.shape[0]
    return try ArrayView(
      Array(x.values[range.lowerBound * size..<range.upperBound * size]),
      shape: Shape([range.count] + x.shape.dimensions.dropFirst()))
  }

  private static func output(_ engine: inout Engine, _ inputs: [ArrayView<Float>]) throws -> [Float] {
    var output = try MutableArrayView<Float>(shape: engine.prepare(inputs.map(\.shape)))
    try engine.run(inputs, into: &output)
    return output.finished().values
  }
}
