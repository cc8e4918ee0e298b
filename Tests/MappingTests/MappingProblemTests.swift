import TensorFerryMapping
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct MappingProblemTests {
  private let patterns: [ParameterPattern] = [
    .init("fc.weight", ["hidden", "input"]), .init("fc.bias", ["hidden"]), .init("head.weight", ["classes", "hidden"]),
  ]

  private func state(_ tensors: [(String, [Int])], _ dtype: DType = .f32) throws -> StateDict {
    var state = StateDict()
    for (name, dimensions) in tensors {
      let shape = try Shape(dimensions)
      let bytes = [UInt8](repeating: 0, count: try dtype.byteCount(of: shape.elementCount))
      try state.append(name, try LazyTensor(dtype: dtype, shape: shape, content: .memory(bytes)))
    }
    return state
  }

  private func mapping(_ rules: String) throws -> WeightMapping {
    try WeightMapping("mapping: tensorferry.mapping/1\nrules:\n" + rules)
  }

  @Test(
    "an unused rule, a collision, a missing source, a wrong split and a clash of types are told at once, with lines")
  func five() throws {
    var source = try state([("proj.kernel", [5, 7]), ("proj.bias", [5]), ("other.bias", [5]), ("qkv", [7, 4])])
    try source.append("steps", LazyTensor(Tensor([1, 2, 3] as [Int64], shape: [3])))
    let mapping = try mapping(
      """
      - {drop: "optimizer.**"}
      - {to: fc.bias, from: proj.bias}
      - {to: fc.bias, from: other.bias}
      - {to: fc.weight, from: proj.kernal}
      - {to: [q, k, v], from: qkv, apply: {split: {axis: 0, parts: 3}}}
      - {to: head.weight, from: steps, apply: {cast: F32}}
      - {to: w, from: proj.kernel}
      """)
    let problems = MappingPlan(mapping, from: source).problems
    #expect(
      problems.map { "\($0.code) \($0.place?.description ?? "")" }.sorted() == [
        "collision line 5, column 3", "missing line 6, column 3", "transform line 7, column 37",
        "transform line 8, column 41", "unusedRule line 3, column 3",
      ])
    #expect(problems.allSatisfy { $0.suggestion != nil })
    #expect(problems.contains { $0.suggestion == "did you mean 'proj.kernel'?" })
    #expect(problems.contains { $0.reason.contains("axis 0 of [7, 4] has 7 indices, which are not 3 equal parts") })
    #expect(problems.contains { $0.reason.contains("I64 [3] is not cast to F32") })
    #expect(problems.contains { $0.reason.contains("'fc.bias' is made by another rule already, line 4, column 3") })
  }

  @Test("a tensor that no rule takes is a problem, and its arrangement is told")
  func unconsumed() throws {
    let cases: [(String, String)] = [
      ("attn.in_proj_weight", "split: {axis: 0, parts: 3}"), ("dense.kernel", "apply: transpose"),
      ("fc.weight_g", "apply: weight_norm"), ("fc.parametrizations.weight.original1", "apply: weight_norm"),
      ("bn.num_batches_tracked", "drop:"), ("unknown", "drop: 'unknown'"),
    ]
    for (name, suggestion) in cases {
      let source = try state([
        ("a", [1]), (name, [6, 2]), ("fc.weight_v", [2]), ("fc.parametrizations.weight.original0", [2]),
      ])
      let problems = MappingPlan(try mapping("- {keep: a}"), from: source).problems
      let problem = try #require(problems.first { $0.source == name })
      #expect(problem.code == .unexpected)
      #expect(problem.suggestion?.contains(suggestion) == true, "\(problem)")
    }
  }

  @Test("two rules that take the same elements overlap; parts that do not meet do not")
  func overlap() throws {
    let source = try state([("a", [6, 2])])
    func codes(_ rules: String) throws -> [MappingProblem.Code] {
      MappingPlan(try mapping(rules), from: source).problems.map(\.code)
    }
    #expect(try codes("- {to: x, from: a}\n- {to: y, from: a}") == [.overlap])
    let part = "apply: {slice: {axis: 0, index"
    #expect(try codes("- {to: x, from: a, \(part): 0, of: 2}}}\n- {to: y, from: a, \(part): 1, of: 2}}}") == [])
    #expect(try codes("- {to: x, from: a, \(part): 0, of: 2}}}\n- {to: y, from: a, \(part): 1, of: 3}}}") == [.overlap])
    #expect(try codes("- {to: x, from: a}\n- {drop: a}") == [.overlap])
  }

  @Test("rules that lead to each other in a circle are told, a swap of names is none")
  func cycle() throws {
    let source = try state([("a", [1]), ("b", [1])])
    let circle = try mapping("- {to: $x, from: $y}\n- {to: $y, from: $x}\n- {keep: '**'}")
    #expect(MappingPlan(circle, from: source).problems.map(\.code) == [.cycle, .cycle])
    let swap = try mapping("- {to: a, from: b}\n- {to: b, from: a}")
    #expect(MappingPlan(swap, from: source).problems == [])
    let unused = try mapping("- {to: $x, from: a}\n- {keep: b}")
    #expect(MappingPlan(unused, from: source).problems.map(\.code) == [.unusedRule])
  }

  @Test("numbers that a rule gathers have no gaps")
  func gaps() throws {
    let source = try state([("l.0.w", [2]), ("l.1.w", [2]), ("l.3.w", [2])])
    let problems = MappingPlan(try mapping("- {to: w, from: 'l.{i}.w', apply: stack}"), from: source).problems
    #expect(problems.map(\.code) == [.missing])
    #expect(problems[0].reason.contains("number 2"))
  }

  @Test(
    "a transform that does not fit says what it was given",
    arguments: [
      ("transpose", [3]), ("{permute: [0, 0]}", [3, 2]), ("{reshape: [-1, 4]}", [3, 2]),
      ("{slice: {axis: 0, start: 2, end: 9}}", [3, 2]), ("{slice: {axis: 2, index: 0, of: 1}}", [3, 2]),
      ("{split: {axis: 0, sizes: [1, 1]}}", [3, 2]), ("{unstack: {axis: 4}}", [3]), ("{reorder: {order: [1, 1]}}", [4]),
      ("weight_norm", [3, 2]), ("batch_norm", [3]), ("{reshape: [9223372036854775807, 9]}", [3]),
    ] as [(String, [Int])])
  func misfits(transform: String, shape: [Int]) throws {
    let plan = MappingPlan(try mapping("- {to: b, from: a, apply: \(transform)}"), from: try state([("a", shape)]))
    #expect(plan.problems.map(\.code) == [.transform], "\(plan.problems)")
  }

  @Test("results that are no parameters, and parameters without a result, are told with the model's shapes")
  func target() throws {
    let source = try state([("proj.kernel", [7, 5]), ("proj.bias", [5]), ("norm", [5]), ("head", [3, 5])])
    let rules = try mapping(
      """
      - {to: fc.weight, from: proj.kernel}
      - {to: fc.bias, from: proj.bias}
      - {to: norm.wieght, from: norm}
      - {to: head.weight, from: head}
      """)
    let plan = MappingPlan(rules, from: source) { _ in patterns + [.init("norm.weight", ["hidden"])] }
    #expect(plan.problems.map(\.code) == [.shape, .missing, .unexpected])
    #expect(plan.problems[0].suggestion?.contains("transposed would fit: this looks like a Keras kernel") == true)
    #expect(plan.problems[1].suggestion == "did you mean 'norm.wieght' [5]?")
    #expect(plan.problems[2].place == .line(5, column: 3))
  }

  @Test("a declared layout transposes matrices that declare another one, square ones too, and nothing else")
  func layout() throws {
    let patterns: [ParameterPattern] = [
      .init("fc.weight", ["out", "in"], layout: .outputFirst), .init("table.weight", ["rows", "columns"]),
    ]
    let source = try state([("fc.weight", [4, 4]), ("table.weight", [5, 4])])
    let transforms = { (plan: MappingPlan) in plan.assignments.map(\.step.transforms) }
    #expect(transforms(MappingPlan(patterns, from: source)) == [[], []])
    #expect(transforms(MappingPlan(patterns, from: source, layout: .outputFirst)) == [[], []])
    #expect(transforms(MappingPlan(patterns, from: source, layout: .inputFirst)) == [[.transpose], []])
    var rules = try mapping("- {to: fc.weight, from: fc.weight, apply: {scale: 2}}\n- {keep: '**'}")
    rules.layout = .inputFirst
    #expect(transforms(MappingPlan(rules, from: source) { _ in patterns }) == [[.scale(2)], []])
  }

  @Test("a prefix that is missing in a rule is told with how many names it would match")
  func prefix() throws {
    let source = try state((0..<12).map { ("encoder.layers.\($0).w", [2]) })
    let problems = MappingPlan(try mapping("- {to: 'l.{i}', from: 'layers.{i}.w'}\n- {keep: '**'}"), from: source)
      .problems
    #expect(problems.map(\.code) == [.unusedRule])
    #expect(problems[0].suggestion == "with the prefix 'encoder.' it would match 12 of 12")
  }

  @Test("100,000 tensors are planned in a few passes over their names")
  func large() throws {
    let source = try state((0..<100_000).map { ("model.layers.\($0).w", [1]) })
    let plan = MappingPlan(try mapping("- {to: 'h.{i}.weight', from: 'model.layers.{i}.w'}"), from: source)
    #expect(plan.problems.isEmpty && plan.targets.count == 100_000 && plan.targets[99_999] == "h.99999.weight")
    #expect(plan.inverse().plan.targets.count == 100_000)
  }
}
