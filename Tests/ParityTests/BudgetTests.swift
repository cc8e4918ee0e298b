import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite("budget")
struct BudgetTests {
  @Test("the shares add up to the difference in the output", arguments: Recording.Name.allCases)
  func sum(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    let budget = try #require(try recording.bundle().budget(of: recording.model))
    #expect(budget.total != 0)
    #expect(budget.shares.map(\.stage) == recording.model.graph.stages.map(\.name))
    #expect(abs(budget.shares.map(\.contribution).reduce(0, +) - budget.total) < 1e-14)
    #expect(budget.shares.allSatisfy { abs($0.contribution) <= $0.largest })
  }

  @Test("each share is what PyTorch computes from the same stage values in float64")
  func pytorch() throws {
    let state = try pythonTensors(recorder + Self.program)
    let scene = try #require(Scene.all(in: state.filtered { $0.hasPrefix("scene/") }).first)
    let budget = try #require(try ReferenceBundle(scene.references["right"]!).budget(of: scene.model))
    let expected = try #require(state["expected"]).read().doubles()
    let shape = try #require(state["expected"]).shape
    let offset = budget.index[0] * shape[2] + budget.index[1]
    for (stage, share) in budget.shares.enumerated() {
      let values = expected[stage * shape[1] * shape[2]..<(stage + 1) * shape[1] * shape[2]]
      #expect(abs(share.contribution - Array(values)[offset]) < 1e-13)
      #expect(abs(share.largest - values.map(abs).max()!) < 1e-13)
    }
  }

  @Test("a stage that is wrong has the largest share by far")
  func wrongStage() throws {
    let scene = try MutationTests.scene("7-5-3 x 2")
    let budget = try #require(try ReferenceBundle(scene.references["wrong_axis"]!).budget(of: scene.model))
    let share = try #require(budget.shares.max { abs($0.contribution) < abs($1.contribution) })
    #expect(share.stage == "attention_weights")
    #expect(abs(share.contribution / budget.total - 1) < 1e-4)
  }

  @Test("where a stage is not recorded there is none")
  func missing() throws {
    let recording = try Recording.named(.sequence)
    #expect(try recording.bundle { !$0.hasSuffix(".stages.attended_x.f32") }.budget(of: recording.model) == nil)
  }

  @Test("the report names the shares in text and JSON")
  func report() throws {
    let recording = try Recording.named(.sequence)
    let bundle = try recording.bundle()
    var report = try bundle.verify(recording.model)
    report.budget = try bundle.budget(of: recording.model)
    #expect(report.text.contains("budget    the output is off by "))
    #expect(report.json["budget"]?["stages"]?.array?.count == 5)
    #expect(report.json["budget"]?["total"]?.double == report.budget?.total)
  }

  private static let program = """
    torch.manual_seed(8)
    p, x = parameters(7, 5, 3), torch.randn(4, 6, 7)
    scene("scene", p, [x])
    wide = {key: value.double() for key, value in p.items()}
    recorded = {name: value.double() for name, value in stages(p, x).items()}
    F = torch.nn.functional
    outputs = []
    for given in range(6):
        value = dict(list(recorded.items())[:given])
        def put(name, make):
            value.setdefault(name, None)
            if value[name] is None:
                value[name] = make()
        put("fc", lambda: F.linear(x.double(), wide["fc.weight"], wide["fc.bias"]))
        put("attention_scores", lambda: F.linear(value["fc"], wide["attention.weight"], wide["attention.bias"]))
        put("attention_weights", lambda: torch.softmax(value["attention_scores"], dim=1))
        put("attended_x", lambda: torch.bmm(value["attention_weights"].transpose(1, 2), value["fc"]).squeeze(1))
        put("output", lambda: F.linear(value["attended_x"], wide["classifier.weight"], wide["classifier.bias"]))
        outputs.append(value["output"])
    emit("expected", torch.stack([after - before for before, after in zip(outputs, outputs[1:])]))
    """
}

extension StateDict {
  fileprivate func filtered(_ isKept: (String) -> Bool) throws -> StateDict {
    var kept = StateDict()
    kept.metadata = metadata
    for element in self where isKept(element.name) { try kept.append(element.name, element.tensor) }
    return kept
  }
}
