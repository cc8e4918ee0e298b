import Foundation
import TensorFerryFormats
import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What probes add to what the cases of a reference expose.
@Suite("coverage with probes")
struct ProbeCoverageTests {
  /// The float nearest to `value` that is further from it than `change`, in the direction of `sign`.
  private static func beyond(_ value: Float, _ change: Double, _ sign: Double) -> Float {
    var moved = Float(Double(value) + sign * change)
    while (Double(moved) - Double(value)) * sign <= change { moved = sign > 0 ? moved.nextUp : moved.nextDown }
    return moved
  }

  @Test(
    "of a trained model, every change of one parameter above its bound is proven at the right stage and no other",
    arguments: Trained.Name.allCases)
  func exhaustive(name: Trained.Name) throws {
    let trained = try Trained.named(name)
    let (coverage, missed) = try Self.exhaust(trained.model, trained.bundle())
    #expect(missed.isEmpty)
    #expect(coverage.exposed == coverage.elementCount)
    #expect(coverage.elementCount == trained.model.graph.parameters.map(\.shape.elementCount).reduce(0, +))
    // 999 of 1000 within one ulp, and the others are named.
    let named = coverage.parts.flatMap(\.beyondUlp).map(\.count).reduce(0, +)
    #expect(coverage.withinUlp + named == coverage.elementCount)
    #expect(coverage.withinUlp * 1000 >= coverage.elementCount * 999, "\(coverage.parts.flatMap(\.beyondUlp))")
  }

  private static func exhaust(
    _ model: some ImportableModel, _ bundle: ReferenceBundle
  ) throws -> (coverage: Coverage, missed: [String]) {
    let coverage = try bundle.coverage(of: model)
    let changes = try SingleChanges(bundle, model)
    var missed: [String] = []
    for part in coverage.parts {
      let values = model.parameters[part.parameter]!.values
      for (offset, change) in zip(part.elements, part.changes) {
        for sign in [1.0, -1.0] {
          let moved = beyond(values[offset], change, sign)
          if try changes.stagesRefuted(by: moved, at: offset, of: part.parameter) != [part.stage] {
            missed.append("\(part.parameter)[\(offset)] from \(values[offset]) to \(moved) at '\(part.stage)'")
          }
        }
      }
    }
    return (coverage, missed)
  }

  @Test("as it is, no stage of a model is refuted", arguments: Trained.Name.allCases)
  func unchanged(name: Trained.Name) throws {
    let trained = try Trained.named(name)
    try Self.unchanged(trained.model, trained.bundle())
  }

  private static func unchanged(_ model: some ImportableModel, _ bundle: ReferenceBundle) throws {
    let changes = try SingleChanges(bundle, model)
    for spec in model.graph.parameters {
      let value = model.parameters[spec.name]!.values[0]
      #expect(try changes.stagesRefuted(by: value, at: 0, of: spec.name) == [])
    }
  }

  @Test("of 512-384-100 with probes, one ulp of at least 99.9 % is exposed, and the rest are named")
  func large() throws {
    let (state, bundle) = try Self.recorded((512, 384, 100), "torch.randn(16, 512)")
    let model = try AttentionClassifier(AttentionClassifier.plan(importing: state), state)
    let report = try bundle.verify(model, provingIdentity: false, surveyingCoverage: true)
    let coverage = try #require(report.coverage)
    #expect(coverage.elementCount == 235_877)
    #expect(coverage.exposed == coverage.elementCount)
    #expect(coverage.withinUlp * 1000 >= coverage.elementCount * 999)
    let named = coverage.parts.flatMap(\.beyondUlp)
    #expect(coverage.withinUlp + named.map(\.count).reduce(0, +) == coverage.elementCount)
    #expect(named.allSatisfy { $0.reason.hasPrefix("of magnitude up to ") && $0.reason.contains("e-0") })
    #expect(report.text.contains("; not of one ulp: fc.weight "))
  }

  @Test("a feature that is 0 in all cases is said to be shown by probes alone, and the zeros of a bias are named")
  func deadFeatures() throws {
    let program = "x = torch.randn(3, 4, 7); x[:, :, [2, 5]] = 0; torch.nn.init.zeros_(model.fc.bias)"
    let (state, bundle) = try Self.recorded((7, 5, 3), "x", prepare: program)
    let model = try AttentionClassifier(AttentionClassifier.plan(importing: state), state)
    let coverage = try bundle.coverage(of: model)
    let weight = try #require(coverage.parts.first { $0.parameter == "fc.weight" })
    #expect(weight.exposed == 35 && weight.withinUlp == 35)
    #expect(weight.gaps.isEmpty)
    #expect(weight.shownByProbes.map(\.reason) == ["features 2, 5 of input 'x' are 0 everywhere"])
    #expect(weight.shownByProbes.map(\.count) == [10])
    let bias = try #require(coverage.parts.first { $0.parameter == "fc.bias" })
    #expect(bias.withinUlp == 0 && bias.exposed == 5)
    #expect(bias.beyondUlp.map(\.count) == [5])
    #expect(bias.beyondUlp[0].reason.hasPrefix("of value 0, where the next float32 number is 2^-149 away"))
    var report = try bundle.verify(model)
    report.coverage = coverage
    #expect(report.text.contains("  shown by probes alone: fc.weight: features 2, 5 of input 'x' are 0 everywhere\n"))
    let part = try #require(report.json["coverage"]?["parts"]?.array?.first)
    #expect(part["shown_by_probes"]?.array?.first?["elements"]?.int == 10)
    #expect(part["gaps"]?.array?.isEmpty == true)
    // And a change of such a column is proven.
    let moved = model.parameters["fc.weight"]!.values[2].nextUp
    #expect(try SingleChanges(bundle, model).stagesRefuted(by: moved, at: 2, of: "fc.weight") == ["fc"])
  }

  @Test("what only probes show is counted by the self-test, too")
  func selfTest() throws {
    let (state, reference) = try Self.files((7, 5, 3), "torch.zeros(3, 4, 7)")
    let model = try AttentionClassifier(AttentionClassifier.plan(importing: state), state)
    func missed(_ reference: StateDict) throws -> [SelfTest.Fault] {
      try ReferenceBundle(reference).selfTest(of: model).classes.flatMap(\.missed)
    }
    #expect(try missed(reference).allSatisfy { $0.target != "fc.weight" })
    var cases = StateDict()
    cases.metadata = reference.metadata
    for element in reference where !element.name.hasPrefix("probes.") { try cases.append(element.name, element.tensor) }
    #expect(try missed(cases).contains { $0.target == "fc.weight" })
  }

  private static func recorded(
    _ sizes: (Int, Int, Int), _ inputs: String, prepare: String = ""
  ) throws -> (StateDict, ReferenceBundle) {
    let (state, reference) = try files(sizes, inputs, prepare: prepare)
    return (state, try ReferenceBundle(reference))
  }

  private static func files(
    _ sizes: (Int, Int, Int), _ inputs: String, prepare: String = ""
  ) throws -> (weights: StateDict, reference: StateDict) {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, torch, tensorferry
        torch.manual_seed(3)
        model = tensorferry.AttentionClassifier(*\(sizes))
        \(prepare)
        tensorferry.record(model, \(inputs), sys.argv[1] + "/reference.h5")
        tensorferry.save(model, sys.argv[1] + "/weights.h5")
        """, [directory.path])
      func read(_ name: String) throws -> StateDict {
        let file = try StateDict(contentsOf: directory.appending(path: name))
        var state = StateDict()
        state.metadata = file.metadata
        for element in file { try state.append(element.name, LazyTensor(element.tensor.read())) }
        return state
      }
      return (try read("weights.h5"), try read("reference.h5"))
    }
  }
}
