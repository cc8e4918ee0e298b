import TensorFerryMapping
import TensorFerryTensors
import Testing

/// The attention classifier with 7 inputs, 5 hidden units and 3 classes; `square` has 5 inputs too.
private func classifier(inputs: Int = 7, fcTransposed: Bool = false, othersTransposed: Bool = false) throws
  -> [TensorOutline]
{
  try linear("fc", 5, inputs, transposed: fcTransposed) + linear("attention", 1, 5, transposed: othersTransposed)
    + linear("classifier", 3, 5, transposed: othersTransposed)
}

@Suite struct LayoutDraftTests {
  @Test("a matrix that fits only transposed is transposed")
  func shapeTells() throws {
    let draft = draft(from: try classifier(fcTransposed: true), to: try classifier())
    #expect(draft.step("fc.weight")?.transforms == [.transpose])
    #expect(draft.step("attention.weight")?.transforms == [])
    #expect(draft.open == [])
  }

  @Test(
    "a square fc is asked, whatever its neighbours look like",
    arguments: [(false, false), (true, false), (false, true), (true, true)])
  func squareIsAsked(fcTransposed: Bool, othersTransposed: Bool) throws {
    let sources = try classifier(inputs: 5, fcTransposed: fcTransposed, othersTransposed: othersTransposed)
    let draft = draft(from: sources, to: try classifier(inputs: 5))
    let question = try #require(draft.question("fc.weight"))
    #expect(question.candidates.map(\.transforms) == [[], [.transpose]])
    #expect(question.candidates.allSatisfy { $0.sources == ["fc.weight"] })
    #expect(draft.step("fc.bias")?.sources == ["fc.bias"])
    #expect(draft.open.count == 1)
  }

  @Test("a square fc is settled by the declared layout", arguments: ParameterLayout.allCases)
  func declared(layout: ParameterLayout) throws {
    let isInputFirst = layout == .inputFirst
    let sources = try classifier(inputs: 5, fcTransposed: isInputFirst, othersTransposed: isInputFirst)
    let draft = draft(from: sources, to: try classifier(inputs: 5), layout: layout)
    #expect(draft.step("fc.weight")?.transforms == (isInputFirst ? [.transpose] : []))
    #expect(draft.open == [])
  }

  @Test("a shape that contradicts the declared layout is asked")
  func contradiction() throws {
    let draft = draft(from: try classifier(othersTransposed: true), to: try classifier(), layout: .outputFirst)
    #expect(draft.question("classifier.weight") != nil)
    #expect(draft.step("fc.weight")?.transforms == [])
  }

  @Test("a square kernel is [in, out] by the convention of that name, unless its neighbours contradict it")
  func kernels() throws {
    let targets = try linear("fc", 5, 5) + linear("head", 3, 5)
    func sources(head: Shape) -> [TensorOutline] {
      outlines(["fc/kernel": [5, 5], "fc/bias": [5], "head/kernel": head, "head/bias": [3]])
    }
    #expect(draft(from: sources(head: [5, 3]), to: targets).step("fc.weight")?.transforms == [.transpose])
    #expect(draft(from: sources(head: [3, 5]), to: targets).question("fc.weight")?.candidates.count == 2)
  }

  /// Hugging Face's GPT-2 stores its blocks as `[in, out]` and its classifier as `[out, in]`, all named `weight`.
  @Test("a square in a block follows the matrices of the block that are not square")
  func blocksTell() throws {
    let targets = try blocks(0..<2) { i in
      try linear("layers.\(i).self_attn.out_proj", 6, 6) + linear("layers.\(i).linear1", 10, 6)
    }
    for transposed in [false, true] {
      let sources = try blocks(0..<2) { i in
        try linear("h.\(i).attn.c_attn", 18, 6, transposed: transposed)
          + linear("h.\(i).attn.c_proj", 6, 6, transposed: transposed)
          + linear("h.\(i).mlp.c_fc", 10, 6, transposed: transposed)
      }
      let step = draft(from: sources, to: targets).step("layers.1.self_attn.out_proj.weight")
      #expect(step?.sources == ["h.1.attn.c_proj.weight"])
      #expect(step?.transforms == (transposed ? [.transpose] : []))
      #expect(step?.reason.contains("not square") == true)
    }
  }

  @Test("a square in a block of squares is asked")
  func nothingTells() throws {
    let targets = try blocks(0..<2) { try linear("layers.\($0).linear1", 6, 6) + linear("layers.\($0).linear2", 6, 6) }
    let sources = try blocks(0..<2) { try linear("h.\($0).fc1", 6, 6) + linear("h.\($0).fc2", 6, 6) }
    let draft = draft(from: sources, to: targets)
    #expect(draft.question("layers.0.linear1.weight")?.candidates.count == 2)
    #expect(draft.step("layers.0.linear1.bias")?.sources == ["h.0.fc1.bias"])
  }

  @Test("convolutions of Keras and MLX are permuted")
  func convolutions() throws {
    let targets = outlines(["conv.weight": [4, 3, 5, 7], "conv.bias": [4]])
    let keras = outlines(["conv/kernel": [5, 7, 3, 4], "conv/bias": [4]])
    let mlx = outlines(["conv.weight": [4, 5, 7, 3], "conv.bias": [4]])
    #expect(draft(from: keras, to: targets).step("conv.weight")?.transforms == [.permute([3, 2, 0, 1])])
    #expect(draft(from: mlx, to: targets).step("conv.weight")?.transforms == [.permute([0, 3, 1, 2])])
  }
}
