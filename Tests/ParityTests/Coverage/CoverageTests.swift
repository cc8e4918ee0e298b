import TensorFerryModels
import TensorFerryOperators
import TensorFerryParity
import TensorFerryTensors
import Testing

@Suite("coverage")
struct CoverageTests {
  /// The float nearest to `value` that is further from it than `change`, in the direction of `sign`.
  private static func beyond(_ value: Float, _ change: Double, _ sign: Double) -> Float {
    var moved = Float(Double(value) + sign * change)
    while (Double(moved) - Double(value)) * sign <= change { moved = sign > 0 ? moved.nextUp : moved.nextDown }
    return moved
  }

  /// Changes each element of each parameter, up and down, by just more than its smallest certain change.
  private static func exhaust(_ model: some ImportableModel, _ bundle: ReferenceBundle) throws {
    let coverage = try bundle.coverage(of: model)
    #expect(coverage.elementCount == model.graph.parameters.map(\.shape.elementCount).reduce(0, +))
    var missed: [String] = []
    for part in coverage.parts {
      #expect(part.exposed == part.elements.count, "\(part.parameter)")
      let values = model.parameters[part.parameter]!.values
      for (offset, change) in zip(part.elements, part.changes) {
        for sign in [1.0, -1.0] {
          let moved = beyond(values[offset], change, sign)
          let report = try bundle.verify(model.with(moved, at: offset, of: part.parameter))
          if report.firstDivergence?.name != part.stage || report.blame != .reference {
            missed.append("\(part.parameter)[\(offset)] from \(values[offset]) to \(moved) at '\(part.stage)'")
          }
        }
      }
    }
    #expect(missed.isEmpty)
  }

  @Test("every change above its bound is proven at the stage of its parameter", arguments: Recording.Name.allCases)
  func exhaustive(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    try Self.exhaust(recording.model, recording.bundle())
  }

  @Test("so it is where only float32 was recorded", arguments: [Recording.Name.sequence, .attention])
  func exhaustiveInFloat32(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    try Self.exhaust(recording.model, recording.bundle { !$0.hasSuffix(".f64") })
  }

  @Test("with float64, one ulp of at least 99 % of the parameters is exposed", arguments: Recording.Name.allCases)
  func withinUlp(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    let coverage = try recording.bundle().coverage(of: recording.model)
    #expect(coverage.withinUlp * 100 >= coverage.elementCount * 99)
    let single = try recording.bundle { !$0.hasSuffix(".f64") }.coverage(of: recording.model)
    #expect(single.withinUlp < coverage.withinUlp)
    #expect(single.parts.allSatisfy { $0.certificate == .reference })
  }

  @Test(
    "a part that is said not to influence the output does not, and any other does", arguments: Recording.Name.allCases)
  func influence(name: Recording.Name) throws {
    let recording = try Recording.named(name)
    let bundle = try recording.bundle()
    let invisible = try Self.influence(recording.model, bundle)
    switch name {
    case .vector: #expect(invisible == ["attention.weight", "attention.bias"])
    case .sequence: #expect(invisible == ["attention.bias"])
    // The bias of the keys adds the same to all scores of a query.
    case .attention: #expect(invisible == ["in_proj_bias at k"])
    case .transformer:
      #expect(
        invisible == [
          "encoder.layers.0.self_attn.in_proj_bias at encoder.layers.0.self_attn.k", "attention.bias",
        ])
    }
  }

  private static func influence(_ model: some ImportableModel, _ bundle: ReferenceBundle) throws -> [String] {
    let inputs = try bundle.cases[0].inputs.mapValues { try $0.read() }
    func output(_ model: some ImportableModel) throws -> [Double] {
      try model.run(inputs)[model.graph.output]!.floats().map(Double.init)
    }
    let before = try output(model)
    let coverage = try bundle.coverage(of: model)
    for part in coverage.parts {
      let value = model.parameters[part.parameter]!.values[part.elements.lowerBound]
      let after = try output(model.with(value + 0.5, at: part.elements.lowerBound, of: part.parameter))
      let moved = zip(before, after).map { abs($0 - $1) }.max() ?? 0
      #expect((moved > 1e-5) == part.influencesOutput, "\(part.parameter) at \(part.stage): \(moved)")
    }
    return coverage.invisible.map { part in
      part.elements.count == part.shape.elementCount ? part.parameter : "\(part.parameter) at \(part.stage)"
    }
  }

  @Test("why the attention is not seen in the output, and what would show it")
  func reasons() throws {
    let vector = try Recording.named(.vector)
    let single = try vector.bundle().coverage(of: vector.model).invisible.flatMap(\.gaps)
    #expect(single.count == 2)
    #expect(single.allSatisfy { $0.reason.contains("'attention_weights' runs over one element") && $0.remedy != nil })
    let sequence = try Recording.named(.sequence)
    let shift = try sequence.bundle().coverage(of: sequence.model).invisible.flatMap(\.gaps)
    #expect(shift.map(\.reason) == ["softmax in stage 'attention_weights' cancels what is the same along axis 1"])
    #expect(shift.map(\.remedy) == [nil])
  }

  @Test("features that are 0 in all cases make columns blind, which are named")
  func deadFeatures() throws {
    var scene = try MutationTests.scene("7-5-3 x 2")
    var reference = StateDict()
    for element in try #require(scene.references["right"]) {
      var tensor = try element.tensor.read()
      if element.name.hasSuffix("inputs.x") {
        let values = try tensor.floats().enumerated().map { [2, 5].contains($0 % 7) ? 0 : $1 }
        tensor = try Tensor(values, shape: tensor.shape)
      }
      try reference.append(element.name, LazyTensor(tensor))
    }
    reference.metadata = scene.references["right"]!.metadata
    let bundle = try ReferenceBundle(reference)
    let part = try #require(bundle.coverage(of: scene.model).parts.first)
    #expect(part.exposed == 25)
    let gap = try #require(part.gaps.first)
    #expect(gap.count == 10)
    #expect(gap.reason == "features 2, 5 of input 'x' are 0 everywhere")
    // Nothing that is done to those columns changes any value.
    let before = try bundle.verify(scene.model).stages[0]
    scene.parameters["fc.weight"] = try Tensor(
      scene.parameters["fc.weight"]!.floats().enumerated().map { [2, 5].contains($0 % 7) ? 9 : $1 }, shape: [5, 7])
    #expect(try bundle.verify(scene.model).stages[0].certificates[0].worst == before.certificates[0].worst)
  }

  @Test("what is not recorded exposes nothing, and that is said")
  func missing() throws {
    let recording = try Recording.named(.sequence)
    let bundle = try recording.bundle { !$0.contains(".stages.output.") && $0 != "probes.output.f64" }
    let coverage = try bundle.coverage(of: recording.model)
    let parts = coverage.parts.filter { $0.stage == "output" }
    #expect(parts.map(\.exposed) == [0, 0])
    #expect(parts.allSatisfy { $0.gaps.map(\.reason) == ["stage 'output' or its input is not recorded"] })
  }

  @Test("probes show what is not recorded, and that is said, too")
  func missingButProbed() throws {
    let recording = try Recording.named(.sequence)
    let coverage = try recording.bundle { !$0.contains(".stages.output.") }.coverage(of: recording.model)
    let parts = coverage.parts.filter { $0.stage == "output" }
    #expect(parts.map(\.exposed) == [15, 3])
    #expect(parts.allSatisfy { $0.shownByProbes.map(\.reason) == ["stage 'output' or its input is not recorded"] })
  }

  @Test("the report tells the coverage in text and JSON")
  func report() throws {
    let recording = try Recording.named(.vector)
    let bundle = try recording.bundle()
    var report = try bundle.verify(recording.model)
    #expect(report.json["coverage"] == nil)
    report.coverage = try bundle.coverage(of: recording.model)
    let coverage = try #require(report.json["coverage"])
    #expect(coverage["elements"]?.int == 64)
    #expect(coverage["exposed"]?.int == 64)
    #expect(coverage["parts"]?.array?.count == 6)
    #expect(coverage["parts"]?.array?[2]["influences_output"]?.bool == false)
    #expect(report.text.contains("coverage  a change of one ulp would be proven for"))
    #expect(report.text.contains("not seen in the output: attention.weight, attention.bias: softmax"))
  }
}
