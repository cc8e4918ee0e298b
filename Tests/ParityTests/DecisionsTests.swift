import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("certified decisions")
struct DecisionsTests {
  static let recorded = Result { try Scene.all(in: pythonTensors(recorder + program)) }

  static func scene(_ name: String) throws -> Scene { try #require(recorded.get().first { $0.name == name }) }

  private static func decisions(_ scene: Scene) throws -> Decisions {
    try ReferenceBundle(scene.references["right"]!).decisions(of: scene.model)
  }

  @Test("what PyTorch and this engine compute in a whole pass is within the bound, which random scales do not break")
  func sound() throws {
    let scenes = try Self.recorded.get().filter { $0.name.hasPrefix("random") }
    #expect(scenes.count == 60)
    for scene in scenes {
      let (model, reference) = (try scene.model, try #require(scene.references["right"]))
      let input = try #require(reference["cases.0000.inputs.x"]).read()
      let theirs = try #require(reference["cases.0000.stages.output.f32"]).read().floats()
      let shape = try Shape([input.shape[0]] + (input.shape.rank == 2 ? [1] : []) + input.shape.dimensions.dropFirst())
      var values: [ValueName: ArrayView<Double>] = [
        .input("x"): try ArrayView(input.floats().map(Double.init), shape: shape)
      ]
      for (name, view) in model.parameters { values[.parameter(name)] = try view.widened() }
      values = try model.graph.evaluate(values)
      let oracle = try #require(values[.stage("output")]).values
      let bound = try #require(model.graph.boundOfOutput(values) { _ in .float32 }.bound).values
      let ours = try model.run(["x": input])["output"]!.floats()
      for index in oracle.indices where bound[index].isFinite {
        #expect(abs(Double(theirs[index]) - oracle[index]) <= bound[index], "\(scene.name)")
        #expect(abs(Double(ours[index]) - oracle[index]) <= bound[index], "\(scene.name)")
      }
      #expect(bound.allSatisfy { $0 > 0 })
    }
  }

  @Test("classes that are far apart are equal whatever the rounding")
  func equal() throws {
    let decisions = try Self.decisions(Self.scene("apart"))
    #expect(decisions.equal == 9)
    #expect(decisions.total == 9)
    #expect(try #require(decisions.smallestCertainty) > 1)
  }

  @Test("two classes with the same weights are a tie")
  func ties() throws {
    let decisions = try Self.decisions(Self.scene("tied"))
    #expect(decisions.ties == 9)
    #expect(decisions.total == 9)
    #expect(decisions.smallestCertainty == 0)
  }

  @Test("classes that were exchanged are proven different, with what each side chooses")
  func different() throws {
    var scene = try Self.scene("apart")
    for name in ["classifier.weight", "classifier.bias"] {
      let tensor = scene.parameters[name]!
      let values = try tensor.floats()
      let width = values.count / 3
      scene.parameters[name] = try Tensor(Array(values[width...] + values[..<width]), shape: tensor.shape)
    }
    let decisions = try Self.decisions(scene)
    #expect(decisions.different == 9)
    let first = try #require(decisions.differing.first)
    #expect(first.ours == first.oracle)
    #expect((first.ours + 1) % 3 == first.reference)
  }

  @Test("a model with an operator that does not tell what errors do is undecided, with the stage")
  func obstacle() throws {
    let scene = try Self.scene("apart")
    let decisions = try ReferenceBundle(scene.references["right"]!).decisions(of: OffModel(scene.model))
    #expect(decisions.undecided == 9)
    #expect(decisions.total == 9)
    #expect(decisions.obstacle == "off_linear in stage 'fc' does not tell what errors of its operands do")
  }

  @Test("the report counts them in text and JSON")
  func report() throws {
    let scene = try Self.scene("apart")
    var report = try scene.verify()
    report.decisions = try Self.decisions(scene)
    #expect(report.text.contains("top-1     of 9 samples 9 equal whatever the rounding; smallest margin"))
    #expect(report.json["decisions"]?["equal"]?.int == 9)
    #expect(report.json["decisions"]?["ties"]?.int == 0)
  }

  private static let program = """
    torch.manual_seed(5)
    p = parameters(7, 5, 3)
    p["classifier.bias"] = torch.tensor([0.0, 3.0, -3.0])
    scene("apart", p, [torch.randn(4, 2, 7), torch.randn(5, 2, 7)])
    p = parameters(7, 5, 3)
    p["classifier.weight"] = p["classifier.weight"][[0, 0, 2]]
    p["classifier.bias"] = torch.tensor([3.0, 3.0, -3.0])
    scene("tied", p, [torch.randn(4, 2, 7), torch.randn(5, 2, 7)])
    random = np.random.default_rng(6)
    for index in range(60):
        d, h, c, n, b = (int(random.integers(1, high)) for high in (70, 40, 9, 30, 4))
        p = parameters(d, h, c)
        for key in p:
            p[key] = p[key] * 10.0 ** random.uniform(-3, 1.5)
        x = torch.randn(*((b, d) if index % 4 == 0 else (b, n, d))) * 10.0 ** random.uniform(-3, 1.5)
        scene(f"random {index}", p, [x])
    """
}
