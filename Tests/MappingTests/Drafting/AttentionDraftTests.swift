import TensorFerryMapping
import TensorFerryTensors
import Testing

/// Two blocks, 12 wide, with query, key and value in one matrix or in three.
private func targets(fused: Bool) throws -> [TensorOutline] {
  try blocks(0..<2) { i in
    let attention = "layers.\(i).self_attn."
    let inputs =
      try fused
      ? outlines([attention + "in_proj_weight": [36, 12], attention + "in_proj_bias": [36]])
      : ["q", "k", "v"].flatMap { try linear(attention + $0 + "_proj", 12, 12) }
    return try inputs + linear(attention + "out_proj", 12, 12) + linear("layers.\(i).linear1", 20, 12)
  }
}

private func sources(_ attention: (Int) throws -> [TensorOutline]) throws -> [TensorOutline] {
  try blocks(0..<2) { i in try attention(i) + linear("blocks.\(i).mlp.fc1", 20, 12) }
}

@Suite struct AttentionDraftTests {
  @Test("query, key and value are joined in this order, whatever their order in the file")
  func joined() throws {
    let sources = try sources { i in
      try ["value", "out", "key", "query"].flatMap { try linear("blocks.\(i).attn.\($0)", 12, 12) }
    }
    let step = draft(from: sources, to: try targets(fused: true)).step("layers.1.self_attn.in_proj_weight")
    #expect(step?.sources == ["query", "key", "value"].map { "blocks.1.attn.\($0).weight" })
    #expect(step?.transforms == [.concatenate(axis: 0)])
  }

  @Test("a fused matrix is split if its name says the order")
  func split() throws {
    let sources = try sources { i in
      try linear("blocks.\(i).attn.qkv", 36, 12) + linear("blocks.\(i).attn.proj", 12, 12)
    }
    let draft = draft(from: sources, to: try targets(fused: false))
    let step = draft.step("layers.0.self_attn.k_proj.weight")
    #expect(step?.targets == ["q", "k", "v"].map { "layers.0.self_attn.\($0)_proj.weight" })
    #expect(step?.transforms == [.split(axis: 0, parts: 3)])
    #expect(draft.open == [])
  }

  @Test("a fused matrix stored as [in, out] is transposed before it is split")
  func splitTransposed() throws {
    let sources = try sources { i in
      try linear("blocks.\(i).attn.c_attn", 36, 12, transposed: true)
        + linear("blocks.\(i).attn.c_proj", 12, 12, transposed: true)
    }
    let step = draft(from: sources, to: try targets(fused: false)).step("layers.0.self_attn.k_proj.weight")
    #expect(step?.transforms == [.transpose, .split(axis: 0, parts: 3)])
  }

  /// GPT-NeoX and Megatron interleave the heads under `query_key_value`, InternLM under `wqkv`.
  @Test(
    "a fused matrix whose name does not tell the order is asked, also for a fused target",
    arguments: ["attention.query_key_value", "attn.wqkv", "x7f.a2"], [true, false])
  func unordered(name: String, fused: Bool) throws {
    let sources = try sources { i in
      try linear("blocks.\(i).\(name)", 36, 12) + linear("blocks.\(i).attention.dense", 12, 12)
    }
    let draft = draft(from: sources, to: try targets(fused: fused))
    let open = draft.open.map(\.target)
    for part in fused ? ["in_proj_weight", "in_proj_bias"] : ["q_proj.weight", "k_proj.weight", "v_proj.bias"] {
      #expect(open.contains("layers.0.self_attn." + part))
    }
  }

  /// Keras and Flax: `[in, heads, size]` for query, key and value, `[heads, size, out]` for the output projection.
  @Test("an axis of heads is joined, on the side of the matrix where it belongs")
  func heads() throws {
    let sources = blocks(0..<2) { i in
      let attention = "transformer_layer_\(i)/self_attention_layer/"
      return ["query", "key", "value"].flatMap { part in
        outlines([attention + part + "/kernel": [12, 3, 4], attention + part + "/bias": [3, 4]])
      }
        + outlines([
          attention + "attention_output/kernel": [3, 4, 12], attention + "attention_output/bias": [12],
          "transformer_layer_\(i)/feedforward_intermediate_dense/kernel": [12, 20],
          "transformer_layer_\(i)/feedforward_intermediate_dense/bias": [20],
        ])
    }
    let split = draft(from: sources, to: try targets(fused: false))
    #expect(split.step("layers.0.self_attn.q_proj.weight")?.transforms == [.reshape([12, 12]), .transpose])
    #expect(split.step("layers.0.self_attn.q_proj.bias")?.transforms == [.reshape([12])])
    #expect(split.step("layers.0.self_attn.out_proj.weight")?.transforms == [.reshape([12, 12]), .transpose])
    #expect(split.open == [])
    let fused = draft(from: sources, to: try targets(fused: true))
    #expect(
      fused.step("layers.0.self_attn.in_proj_weight")?.transforms
        == [.reshape([12, 12]), .transpose, .concatenate(axis: 0)])
  }

  @Test("three squares whose names do not say which is which are asked")
  func nameless() throws {
    let sources = try sources { i in
      try (0..<4).flatMap { try linear("blocks.\(i).self_attn.linears.\($0)", 12, 12) }
    }
    let draft = draft(from: sources, to: try targets(fused: false))
    #expect(draft.question("layers.0.self_attn.q_proj.weight")?.candidates.count ?? 0 > 1)
    #expect(draft.step("layers.0.self_attn.out_proj.weight") == nil)
    #expect(draft.step("layers.0.linear1.weight")?.sources == ["blocks.0.mlp.fc1.weight"])
  }
}
