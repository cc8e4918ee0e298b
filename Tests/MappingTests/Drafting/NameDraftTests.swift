import TensorFerryMapping
import TensorFerryTensors
import Testing

@Suite struct NameDraftTests {
  private let classifier = outlines([
    "fc.weight": [5, 7], "fc.bias": [5], "attention.weight": [1, 5], "attention.bias": [1],
    "classifier.weight": [3, 5], "classifier.bias": [3],
  ])

  @Test("equal names behind a prefix are certain")
  func prefix() {
    let sources = classifier.map { TensorOutline(name: "module.net." + $0.name, shape: $0.shape, dtype: $0.dtype) }
    let draft = draft(from: sources, to: classifier)
    #expect(draft.open == [])
    #expect(draft.steps.allSatisfy { $0.confidence == 1 && $0.sources == ["module.net." + $0.targets[0]] })
  }

  @Test("opaque names are settled by shapes that fit nothing else")
  func opaque() {
    let sources = outlines([
      "n.q1": [3], "a7f3.x1": [7, 5], "n.zz": [5], "b.k9": [1, 5], "b.v": [1], "m00.o": [3, 5],
    ])
    let draft = draft(from: sources, to: classifier)
    #expect(draft.step("fc.weight")?.sources == ["a7f3.x1"])
    #expect(draft.step("fc.weight")?.transforms == [.transpose])
    #expect(draft.step("classifier.bias")?.sources == ["n.q1"])
    #expect(draft.steps.allSatisfy { $0.confidence < 0.8 })
    #expect(draft.open == [])
  }

  @Test("opaque names with equal shapes are asked, each with all that fit")
  func opaqueTies() {
    let targets = outlines(["a.weight": [4, 6], "a.bias": [4], "b.weight": [4, 6], "b.bias": [4]])
    let sources = outlines(["p": [4, 6], "q": [4, 6], "r": [4], "s": [4]])
    let draft = draft(from: sources, to: targets)
    #expect(draft.steps == [])
    for target in targets { #expect(draft.question(target.name)?.candidates.count == 2, "\(target.name)") }
  }

  @Test("a stranger of a fitting shape does not stand in for a missing parameter")
  func stranger() {
    // The class token of a vision transformer has as many elements as the scorer of the attention.
    let sources = classifier.filter { $0.name != "attention.weight" } + outlines(["cls_token": [1, 1, 5]])
    #expect(draft(from: sources, to: classifier).step("attention.weight") == nil)
  }

  @Test("nor does one among opaque names that has another scheme")
  func strangerAmongOpaque() {
    let sources = outlines([
      "n1": [5, 7], "n2": [5], "n3": [1, 5], "n4": [1], "n5": [3, 5], "net.rotary.inv_freq": [3],
    ])
    let draft = draft(from: sources, to: classifier)
    #expect(draft.question("classifier.bias")?.candidates.map(\.sources) == [["net.rotary.inv_freq"]])
    #expect(draft.step("fc.bias")?.sources == ["n2"])
  }

  @Test("state of training is unused, whatever its shape")
  func trainingState() {
    let state = outlines([
      "optimizer.state.0.exp_avg": [5, 7], "optimizer/vars/2": [3, 5], "bn.num_batches_tracked": [1],
    ])
    let draft = draft(from: state + classifier, to: classifier)
    #expect(draft.unused == state.map(\.name))
    #expect(draft.open == [])
  }

  @Test("what looks like state of training is taken if the model asks for it")
  func wantedState() throws {
    let targets = try norm("bn1", 5) + outlines(["bn1.running_mean": [5], "bn1.num_batches_tracked": []])
    let sources = targets.map { TensorOutline(name: "module." + $0.name, shape: $0.shape, dtype: $0.dtype) }
    let draft = draft(from: sources, to: targets)
    #expect(draft.step("bn1.num_batches_tracked")?.sources == ["module.bn1.num_batches_tracked"])
    #expect(draft.open == [])
  }

  @Test("integers are no candidates for weights")
  func integers() {
    let ids = TensorOutline(name: "fc.weight", shape: [5, 7], dtype: .i64)
    let draft = draft(from: [ids], to: Array(classifier.prefix(1)))
    #expect(draft.unused == ["fc.weight"])
    #expect(draft.question("fc.weight")?.candidates == [])
  }

  @Test("the order of the file changes nothing but the order of candidates")
  func shuffled() throws {
    let targets = try blocks(0..<3) { try linear("layers.\($0).linear1", 20, 12) + norm("layers.\($0).norm1", 12) }
    let sources =
      try blocks(0..<3) { try linear("h.\($0).mlp.c_fc", 20, 12) + norm("h.\($0).ln_a", 12) + norm("h.\($0).ln_b", 12) }
    let reference = draft(from: sources, to: targets)
    for seed in 0..<10 {
      let shuffled = sources.sorted {
        ($0.name.utf8.map(Int.init).reduce(seed) { ($0 * 31 + $1) % 9973 })
          < ($1.name.utf8.map(Int.init).reduce(seed) { ($0 * 31 + $1) % 9973 })
      }
      let other = draft(from: shuffled, to: targets)
      #expect(other.steps == reference.steps)
      #expect(other.open.map(\.target) == reference.open.map(\.target))
    }
  }

  @Test(
    "names from hostile files end in steps, questions or the list of unused, and in reasonable time",
    arguments: [
      "", ".", "///", ":0", "_", "w", "b", ".weight", "99999999999999999999999", "layers.-1.weight", "q.k.v.qkv",
      "layers.0", "0.0.0.0", "vars/0", "\u{0}\u{202E}weight", "٣.weight", "a.vars.1", "_1", "x_1", "x",
      String(repeating: "layers.0.", count: 3000) + "weight", String(repeating: "q_", count: 5000),
      String(repeating: "A", count: 20000),
    ])
  func hostile(name: String) throws {
    let huge = try Shape([1 << 31, 1 << 31])
    var sources = (0..<300).map { TensorOutline(name: name + ".\($0)", shape: [5, 7], dtype: .f32) }
    sources.append(TensorOutline(name: name, shape: huge, dtype: .f32))
    sources += outlines([
      "z.qkv.weight": [0, 0], "z.query.weight": [0], "z.key.weight": [], "z.value.weight": [3, 0, 7],
    ])
    let targets = classifier + [TensorOutline(name: "big.in_proj.weight", shape: huge, dtype: .f32)]
    for layout in ParameterLayout.allCases.map(Optional.some) + [nil] {
      let draft = draft(from: sources, to: targets, layout: layout)
      #expect((draft.steps.flatMap(\.targets) + draft.open.map(\.target)).sorted() == targets.map(\.name).sorted())
      let named = draft.steps.flatMap(\.sources) + draft.open.flatMap { $0.candidates.flatMap(\.sources) }
      #expect(Set(named + draft.unused) == Set(sources.map(\.name)))
    }
  }
}
