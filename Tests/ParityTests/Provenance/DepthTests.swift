import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// References whose recorder probed the order of summation.
@Suite struct DepthTests {
  /// Records models of random sizes and scales with their depths; `cases` of different shapes each.
  private static let program = """
    import os
    # Threads that spin while they wait take the processor from other tests.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    import random, sys, torch, tensorferry
    torch.manual_seed(29)
    random.seed(29)
    def draw(*shape):
        return torch.randn(shape) * 10 ** random.uniform(-6, 6)
    for number in range(int(sys.argv[2])):
        torch.set_num_threads(2 if number % 10 == 0 else 1)
        d, h, c = random.choice([2, 5, 17, 33, 64, 100]), random.choice([3, 16, 33]), random.choice([2, 7, 10])
        model = tensorferry.AttentionClassifier(d, h, c)
        with torch.no_grad():
            for parameter in model.parameters(): parameter.mul_(10 ** random.uniform(-2, 2))
        if number % 8 == 7:
            d = 4 * random.choice([1, 3, 8])
            model = tensorferry.TransformerClassifier(d, 2, random.choice([5, 33]), 1, c)
        # Layouts are probed once; so each model has three, over five cases.
        shapes = [(random.randint(1, 3), random.choice([1, 2, 5, 12])) for _ in range(3)]
        cases = [draw(*shapes[index % 3], d) for index in range(5)]
        tensorferry.save(model.state_dict(), f"{sys.argv[1]}/{number}.h5")
        tensorferry.record(model, cases, f"{sys.argv[1]}/{number}.npz", depths=True, probes=False)
    """

  @Test("no alarm is false in 200 cases of random sizes, and no bound is wider than without the depths")
  func clean() throws {
    let count = 40
    try withTemporaryDirectory { directory in
      try python(Self.program, [directory.path, "\(count)"])
      var (cases, tighter) = (0, 0)
      for number in 0..<count {
        let weights = try StateDict(contentsOf: directory.appending(path: "\(number).h5"))
        let state = try StateDict(contentsOf: directory.appending(path: "\(number).npz"))
        let (report, without) = try Self.reports(ModelRegistry.model(for: weights.names), weights, state)
        #expect(report.verdict.isParity, "\(number): \(report.text)")
        cases += report.caseCount
        for (stage, other) in zip(report.stages, without.stages) {
          #expect(other.depth == nil)
          guard stage.depth != nil else { continue }
          let (bound, wide) = (Self.bound(stage), Self.bound(other))
          #expect(bound <= wide, "\(number) \(stage.name)")
          if bound < wide { tighter += 1 }
        }
      }
      #expect(cases == 200)
      #expect(tighter > 40)
    }
  }

  @Test("the longest path is what an input that loses something in each addition comes to, and cannot pass")
  func adversarial() throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, torch, tensorferry
        torch.set_num_threads(1)
        model = tensorferry.AttentionClassifier(300, 7, 3)
        with torch.no_grad():
            model.fc.weight.fill_(1)
            model.fc.bias.zero_()
        # One term is 1 and every other half of its last place, which is lost wherever it meets it.
        x = torch.full((12, 300), 2.0 ** -24)
        for row in range(12): x[row, 25 * row] = 1
        tensorferry.save(model, sys.argv[1] + "/model.h5")
        tensorferry.record(model, x, sys.argv[1] + "/reference.npz", depths=True)
        """, [directory.path])
      let weights = try StateDict(contentsOf: directory.appending(path: "model.h5"))
      let state = try StateDict(contentsOf: directory.appending(path: "reference.npz"))
      let (report, without) = try Self.reports(AttentionClassifier.self, weights, state)
      let (fc, other) = (report.stages[0], without.stages[0])
      let depth = try #require(fc.depth)
      let reached = fc.certificate(.reference).utilisation
      #expect(report.verdict.isParity && reached < 1, "\(report.text)")
      // Of all kernels there is one whose every path is long; half is what a balanced one would come to.
      #expect(depth < 20 || reached > 0.5, "depth \(depth), \(reached)")
      #expect(reached >= other.certificate(.reference).utilisation)
      #expect(report.remarks.contains { $0.contains("fc \(depth), attention_scores") })

      // A depth that is not true is refuted by the same values.
      let lie = try Self.with(state, depths: ["fc": Self.entry(9, leaves: 301)])
      let model = try AttentionClassifier(AttentionClassifier.plan(importing: weights), weights)
      let refuted = try ReferenceBundle(lie).verify(model)
      #expect(depth < 20 || refuted.blame == .reference)
    }
  }

  @Test(
    "a depth that no sum of so many terms has is refused",
    arguments: [(8, 8), (2, 8), (-1, 8), (0, 0), (1, 1), (3, -1)])
  func impossible(depth: Int, leaves: Int) throws {
    let recording = try Recording.named(.sequence)
    let state = try Self.with(recording.reference, depths: ["fc": Self.entry(depth, leaves: leaves)])
    let error = #expect(throws: ParityError.self) { try ReferenceBundle(state).verify(recording.model) }
    #expect(error?.code == .invalidMetadata && error?.reason.contains("\(depth), which no sum of \(leaves)") == true)
  }

  @Test("what was not probed as a whole, or is no sum of products, changes no bound")
  func ignored() throws {
    let recording = try Recording.named(.sequence)
    let expected = try ReferenceBundle(recording.reference).verify(recording.model)
    let depths: JSONValue = [
      "fc": ["depth": .null, "leaves": JSONValue(8), "complete": .bool(false)],
      "attention_scores": ["depth": JSONValue(3), "leaves": JSONValue(6)],
      "attention_weights": Self.entry(3, leaves: 6),
      "other": Self.entry(3, leaves: 6),
    ]
    let report = try ReferenceBundle(Self.with(recording.reference, depths: depths)).verify(recording.model)
    #expect(report.stages == expected.stages)
  }

  private static func entry(_ depth: Int, leaves: Int) -> JSONValue {
    ["depth": JSONValue(depth), "leaves": JSONValue(leaves), "complete": .bool(true)]
  }

  private static func bound(_ stage: StageReport) -> Double { stage.certificate(.reference).worst?.bound ?? .nan }

  /// The reports with the depths and without them.
  private static func reports<Loaded: ImportableModel>(
    _: Loaded.Type, _ weights: StateDict, _ state: StateDict
  ) throws -> (with: ParityReport, without: ParityReport) {
    let options: JSONValue = Loaded.self == TransformerClassifier.self ? ["num_heads": JSONValue(2)] : [:]
    let model = try Loaded(Loaded.plan(importing: weights, options: options), weights, options: options)
    return try (
      ReferenceBundle(state).verify(model, provingIdentity: false),
      ReferenceBundle(with(state, depths: nil)).verify(model, provingIdentity: false)
    )
  }

  private static func with(_ state: StateDict, depths: JSONValue?) throws -> StateDict {
    var state = state
    state.metadata = try state.metadata.map { member in
      guard member.key == "manifest", let text = member.value.string else { return member }
      let members = (try JSONValue(parsing: text).members ?? []).filter { $0.key != "depths" }
      let added = depths.map { [JSONValue.Member("depths", $0)] } ?? []
      return .init("manifest", .string(JSONValue.object(members + added).text()))
    }
    return state
  }
}
