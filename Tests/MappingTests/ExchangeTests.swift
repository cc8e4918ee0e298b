import TensorFerryMapping
import TensorFerryTensors
import Testing

/// Rules whose targets bear the names of other sources.
@Suite struct ExchangeTests {
  private static func state(_ names: String...) throws -> StateDict {
    var state = StateDict()
    for (index, name) in names.enumerated() {
      try state.append(name, LazyTensor(Tensor([Float(index), Float(10 * index)], shape: [2])))
    }
    return state
  }

  private static func apply(_ rules: String, to state: StateDict) throws -> [String: [Float]] {
    let mapping = try WeightMapping("mapping: tensorferry.mapping/1\nrules: [\(rules)]")
    let plan = MappingPlan(mapping, from: state)
    #expect(try plan.roundTrip(state).isLossless)
    return try plan.tensors(from: state).mapValues { try $0.floats() }
  }

  @Test(
    "two tensors change their names, whichever rule comes first",
    arguments: ["{to: a, from: b}, {to: b, from: a}", "{to: b, from: a}, {to: a, from: b}"])
  func exchanged(rules: String) throws {
    #expect(try Self.apply(rules, to: Self.state("a", "b")) == ["a": [1, 10], "b": [0, 0]])
  }

  @Test("names move on in a ring, beside tensors that keep theirs")
  func ring() throws {
    let rules = #"{to: b, from: a}, {to: c, from: b}, {to: a, from: c}, {keep: "**"}"#
    #expect(
      try Self.apply(rules, to: Self.state("a", "b", "c", "d"))
        == ["a": [2, 20], "b": [0, 0], "c": [1, 10], "d": [3, 30]])
  }

  @Test("what leads from one rule to another is not taken for a source of that name")
  func intermediates() throws {
    let rules = #"{to: $t, from: b}, {to: a, from: $t}, {to: b, from: a}"#
    #expect(try Self.apply(rules, to: Self.state("a", "b")) == ["a": [1, 10], "b": [0, 0]])
  }
}
