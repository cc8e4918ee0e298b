import TensorFerryMapping
import TensorFerryTensors
import Testing

@Suite struct BlockDraftTests {
  private func targets(_ count: Int) throws -> [TensorOutline] {
    try blocks(0..<count) { try linear("layers.\($0).linear1", 20, 12) + norm("layers.\($0).norm1", 12) }
  }

  @Test("blocks are taken in the order of their numbers, from 0 or from 1, not in that of the file", arguments: [0, 1])
  func order(first: Int) throws {
    let sources = try blocks(first..<first + 12) { try linear("blk\($0).fc1", 20, 12) + norm("blk\($0).norm1", 12) }
    // As text sorts them: 0, 1, 10, 11, 2.
    let draft = draft(from: sources.sorted { $0.name < $1.name }, to: try targets(12))
    #expect(draft.step("layers.2.linear1.weight")?.sources == ["blk\(first + 2).fc1.weight"])
    #expect(draft.step("layers.10.linear1.bias")?.sources == ["blk\(first + 10).fc1.bias"])
  }

  @Test("another number of blocks is asked for every block")
  func otherCount() throws {
    let sources = try blocks(0..<5) { try linear("h.\($0).fc1", 20, 12) + norm("h.\($0).norm1", 12) }
    let draft = draft(from: sources, to: try targets(6))
    #expect(draft.steps == [])
    #expect(draft.open.count == 24)
  }

  @Test("two stacks that serve equally well are asked")
  func twoStacks() throws {
    let sources = try ["model", "ema"].flatMap { root in
      try blocks(0..<3) { try linear("\(root).h.\($0).fc1", 20, 12) + norm("\(root).h.\($0).ln_1", 12) }
    }
    let draft = draft(from: sources, to: try targets(3))
    #expect(draft.steps == [])
    let names = draft.question("layers.1.linear1.weight")?.candidates.flatMap(\.sources)
    #expect(names?.sorted() == ["ema.h.1.fc1.weight", "model.h.1.fc1.weight"])
  }

  @Test(
    "the norms of a block are told apart by their places in it",
    arguments: [
      ("attention.output.LayerNorm", "output.LayerNorm"), ("layernorm_before", "layernorm_after"),
      ("input_layernorm", "post_attention_layernorm"), ("self_attn_layer_norm", "final_layer_norm"),
      ("ln_1", "ln_2"), ("LayerNorm_0", "LayerNorm_2"), ("attention_norm", "ffn_norm"), ("attn_ln", "mlp_ln"),
    ])
  func norms(first: String, second: String) throws {
    let targets = try blocks(0..<2) { try norm("layers.\($0).norm1", 12) + norm("layers.\($0).norm2", 12) }
    let sources = try blocks(0..<2) { try norm("h.\($0).\(second)", 12) + norm("h.\($0).\(first)", 12) }
    let draft = draft(from: sources, to: targets)
    #expect(draft.step("layers.1.norm1.weight")?.sources == ["h.1.\(first).weight"])
    #expect(draft.step("layers.1.norm2.bias")?.sources == ["h.1.\(second).bias"])
  }

  @Test(
    "norms that no word tells apart are asked, with both as candidates",
    arguments: [("norm_a", "norm_b"), ("pre_attn_norm", "post_attn_norm"), ("attention.ln", "ln")])
  func ambiguousNorms(first: String, second: String) throws {
    let targets = try blocks(0..<2) { try norm("layers.\($0).norm1", 12) + norm("layers.\($0).norm2", 12) }
    let sources = try blocks(0..<2) { try norm("h.\($0).\(first)", 12) + norm("h.\($0).\(second)", 12) }
    let draft = draft(from: sources, to: targets)
    #expect(draft.steps == [])
    let names = Set(draft.question("layers.0.norm1.weight")?.candidates.flatMap(\.sources) ?? [])
    #expect(names.isSuperset(of: ["h.0.\(first).weight", "h.0.\(second).weight"]))
  }

  /// Keras numbers layers of one class through the whole program and leaves the first without a number.
  @Test("counters that run through all blocks give the order within a block")
  func counters() throws {
    let targets = try blocks(0..<3) {
      try linear("layers.\($0).linear1", 20, 12) + linear("layers.\($0).linear2", 12, 20)
    }
    func numbered(_ name: String, _ number: Int) -> String { number == 0 ? name : "\(name)_\(number)" }
    let sources = blocks(0..<3) { i in
      let block = numbered("transformer_block", i)
      let (up, down) = (numbered("dense", 2 * i), numbered("dense", 2 * i + 1))
      return outlines([
        "\(block)/\(up)/kernel": [12, 20], "\(block)/\(up)/bias": [20], "\(block)/\(down)/kernel": [20, 12],
        "\(block)/\(down)/bias": [12],
      ])
    }
    let draft = draft(from: sources, to: targets)
    #expect(draft.step("layers.0.linear1.weight")?.sources == ["transformer_block/dense/kernel"])
    #expect(draft.step("layers.2.linear2.bias")?.sources == ["transformer_block_2/dense_5/bias"])
    #expect(draft.open == [])
  }
}
