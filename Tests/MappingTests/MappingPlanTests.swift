import TensorFerryMapping
import TensorFerryTensors
import Testing

/// The parameters of a small model, 7 inputs, 5 hidden, 3 classes in the tests below.
private let patterns: [ParameterPattern] = [
  .init("fc.weight", ["hidden", "input"]), .init("fc.bias", ["hidden"]),
  .init("attention.weight", [1, "hidden"]), .init("attention.bias", [1]),
  .init("classifier.weight", ["classes", "hidden"]), .init("classifier.bias", ["classes"]),
]

private let shapes: [(String, [Int])] = [
  ("fc.weight", [5, 7]), ("fc.bias", [5]), ("attention.weight", [1, 5]), ("attention.bias", [1]),
  ("classifier.weight", [3, 5]), ("classifier.bias", [3]),
]

private func zeros(_ dimensions: [Int], _ dtype: DType = .f32) throws -> LazyTensor {
  let shape = try Shape(dimensions)
  return try LazyTensor(
    dtype: dtype, shape: shape, content: .memory([UInt8](repeating: 0, count: dtype.byteCount(of: shape.elementCount))))
}

private func state(
  _ tensors: [(String, [Int])] = shapes, dtype: DType = .f32, name: (String) -> String = { $0 }
) throws -> StateDict {
  var state = StateDict()
  for (key, dimensions) in tensors { try state.append(name(key), zeros(dimensions, dtype)) }
  return state
}

@Suite struct MappingPlanTests {
  @Test("plain names map one to one and tell the sizes")
  func plain() throws {
    let plan = MappingPlan(patterns, from: try state())
    #expect(plan.problems == [])
    #expect(plan.sizes == ["hidden": 5, "input": 7, "classes": 3])
    #expect(plan.steps.map(\.sources) == patterns.map { [$0.name] })
  }

  @Test(
    "prefixes of wrappers and keys of checkpoints are found",
    arguments: [
      "module.", "_orig_mod.", "module._orig_mod.module.", "model.", "state_dict.model.", "a.b.module._orig_mod.",
    ])
  func prefixes(prefix: String) throws {
    var checkpoint = try state { prefix + $0 }
    if prefix.contains("model") { try checkpoint.append("optimizer.state.0.exp_avg", zeros([5, 7])) }
    let plan = MappingPlan(patterns, from: checkpoint)
    #expect(plan.problems == [])
    #expect(plan.prefix == prefix)
    #expect(plan.ignored == (prefix.contains("model") ? ["optimizer.state.0.exp_avg"] : []))
    #expect(try plan.apply(to: checkpoint).names == patterns.map(\.name))
  }

  @Test("a tensor beside wrapped names is unexpected, beside a checkpoint's key it is ignored")
  func outside() throws {
    var wrapped = try state { "module." + $0 }
    try wrapped.append("extra", zeros([2]))
    #expect(MappingPlan(patterns, from: wrapped).problems.map(\.code) == [.unexpected])
  }

  @Test("two state dicts that fit are not chosen between; a key chooses")
  func ambiguous() throws {
    var both = try state { "model." + $0 }
    for (name, dimensions) in shapes { try both.append("ema." + name, zeros(dimensions)) }
    let plan = MappingPlan(patterns, from: both)
    #expect(plan.problems.map(\.code) == [.ambiguous])
    #expect(plan.problems[0].reason.contains("'ema'") && plan.problems[0].reason.contains("'model'"))
    let chosen = MappingPlan(patterns, from: both, key: "model")
    #expect(chosen.problems == [])
    #expect(chosen.steps[0].sources == ["model.fc.weight"])
  }

  @Test(
    "a transposed matrix is told, whichever it is, and changes no size",
    arguments: ["fc.weight", "attention.weight", "classifier.weight"])
  func transposed(name: String) throws {
    let plan = MappingPlan(patterns, from: try state(shapes.map { $0.0 == name ? ($0.0, $0.1.reversed()) : $0 }))
    #expect(plan.problems.map(\.code) == [.shape])
    #expect(plan.problems[0].parameter == name)
    #expect(plan.problems[0].suggestion == "transposed would fit")
    #expect(plan.sizes == ["hidden": 5, "input": 7, "classes": 3])
  }

  @Test("missing, unexpected, mis-shaped and mistyped tensors are all told at once, with the nearest names")
  func everything() throws {
    var tensors = shapes.filter { $0.0 != "fc.bias" && $0.0 != "attention.bias" }
    tensors[2] = ("classifier.weight", [3, 6])
    var broken = try state(tensors)
    try broken.append("fc.biass", zeros([5]))
    try broken.append("unrelated_buffer_of_something", zeros([2, 9]))
    var mistyped = StateDict()
    for element in broken {
      try mistyped.append(element.name, element.name == "classifier.bias" ? zeros([3], .i64) : element.tensor)
    }
    let plan = MappingPlan(patterns, from: mistyped)
    let found = plan.problems.map { [$0.code.rawValue, $0.parameter ?? $0.source ?? ""] }
    #expect(
      found == [
        ["missing", "fc.bias"], ["missing", "attention.bias"], ["shape", "classifier.weight"],
        ["dtype", "classifier.bias"], ["unexpected", "fc.biass"], ["unexpected", "unrelated_buffer_of_something"],
      ])
    #expect(plan.problems[0].reason.contains("[5]"))
    #expect(plan.problems[0].suggestion?.contains("'fc.biass'") == true)
    #expect(plan.problems[2].reason.contains("[3, 6]") && plan.problems[2].reason.contains("[3, 5]"))
    #expect(plan.problems[4].suggestion?.contains("'fc.bias'") == true)
    #expect(plan.problems[5].suggestion == nil)
  }

  @Test("a plan with problems reads nothing and throws them all")
  func refuses() throws {
    let empty = StateDict()
    let plan = MappingPlan(patterns, from: empty)
    #expect { try plan.tensors(from: empty) } throws: { ($0 as? MappingError)?.problems.count == 6 }
  }

  @Test("float64 is refused because the cast would round; float16 and bfloat16 are taken")
  func dtypes() throws {
    #expect(MappingPlan(patterns, from: try state(dtype: .f64)).problems.allSatisfy { $0.code == .dtype })
    #expect(MappingPlan(patterns, from: try state(dtype: .f16)).problems == [])
    #expect(MappingPlan(patterns, from: try state(dtype: .bf16)).problems == [])
  }

  @Test("a size of 0 and a refused object in the file are problems")
  func emptyAndRefused() throws {
    var broken = try state(shapes.map { ($0.0, $0.1.map { $0 == 3 ? 0 : $0 }) })
    broken.others.append(.init(name: "link", kind: "external link", reason: "points to another file", isRefused: true))
    #expect(Set(MappingPlan(patterns, from: broken).problems.map(\.code)) == [.emptySize, .refused])
  }

  @Test("tied parameters stay tied under the model's names")
  func ties() throws {
    var tied = StateDict()
    let bias = try zeros([5])
    try tied.append("module.fc.bias", bias)
    try tied.append("module.second", bias, aliasOf: "module.fc.bias")
    let plan = MappingPlan([.init("second", ["hidden"]), .init("fc.bias", ["hidden"])], from: tied)
    #expect(try plan.apply(to: tied).sharedNames == [["second", "fc.bias"]])
  }

}
