internal import TensorFerryTensors

/// An identity of exact arithmetic by which a graph becomes another that computes the same.
protocol FoldingRule: Sendable {
  /// As a report names it.
  static var name: String { get }

  /// What becomes of the draft by applying the rule once, in each place where it applies.
  ///
  /// - Parameter shapes: of all values of the draft.
  static func rewrites(of draft: FoldingDraft, _ shapes: [ValueName: Shape]) -> [FoldingDraft]
}

/// `A (B x + b) + a = (A B) x + (A b + a)`.
///
/// Proof: the product of matrices is associative and distributes over the sum. It saves work where the one product is
/// smaller than the two, or where the inner result is then not needed at all.
enum LinearAfterLinear: FoldingRule {
  static let name = "linear after linear"

  static func rewrites(of draft: FoldingDraft, _ shapes: [ValueName: Shape]) -> [FoldingDraft] {
    draft.stages.compactMap { stage in
      guard let outer = draft.linear(stage), let inner = draft.linear(draft[outer.input]) else { return nil }
      let bias = Coefficient.affine(outer.weight, inner.bias, plus: outer.bias)
      return draft.replacing(
        stage.name, by: [.linear(stage.name, inner.input, .product(outer.weight, inner.weight), bias)], rule: name)
    }
  }
}

/// `softmax(s + c) = softmax(s)` for a c that is the same along the axis of the softmax.
///
/// Proof: `exp(s_i + c) / sum of exp(s_j + c) = exp(c) exp(s_i) / (exp(c) sum of exp(s_j))`. The bias of a linear layer is
/// such a c along every axis but the last of its result.
enum ShiftIntoSoftmax: FoldingRule {
  static let name = "a shift into softmax"

  static func rewrites(of draft: FoldingDraft, _ shapes: [ValueName: Shape]) -> [FoldingDraft] {
    draft.stages.compactMap { stage in
      let operands = stage.operands.map { shapes[$0]! }
      guard let axis = stage.operation.cancellingAxis(operands), axis != operands[0].rank - 1,
        let scores = draft.linear(draft[stage.operands[0]]), scores.bias != nil,
        draft.users(of: stage.operands[0]).count == 1, scores.stage.name != draft.output
      else { return nil }
      return draft.replacing(
        scores.stage.name, by: [.linear(scores.stage.name, scores.input, scores.weight, nil)], rule: name)
    }
  }
}

/// `sum of a_i (W x_i + b) = W (sum of a_i x_i) + b` for weights a that sum to 1.
///
/// Proof: the sum is linear, and the constant passes through it because `sum of a_i b = b`. Weights that a softmax over the
/// positions computed sum to 1. The layer is then applied to one row for each sample and not to one for each position.
enum LinearThroughConvexCombination: FoldingRule {
  static let name = "linear through a convex combination"

  static func rewrites(of draft: FoldingDraft, _ shapes: [ValueName: Shape]) -> [FoldingDraft] {
    draft.stages.compactMap { stage in
      guard stage.operation is WeightedSum, let weights = draft[stage.operands[0]]?.operation as? Softmax,
        weights.axis == 1, let values = draft.linear(draft[stage.operands[1]])
      else { return nil }
      let inner = stage.name + ".input"
      return draft.replacing(
        stage.name,
        by: [
          .init(inner, WeightedSum(), stage.operands[0], values.input),
          .linear(stage.name, .stage(inner), values.weight, values.bias),
        ], rule: name)
    }
  }
}

/// Scores, softmax and weighted sum over the same positions are one pass over them: ``AttentionPooling``.
///
/// Proof: it is what that operator computes, by its definition.
enum OnePass: FoldingRule {
  static let name = "attention in one pass"

  static func rewrites(of draft: FoldingDraft, _ shapes: [ValueName: Shape]) -> [FoldingDraft] {
    draft.stages.compactMap { stage in
      guard stage.operation is WeightedSum, let weights = draft[stage.operands[0]],
        (weights.operation as? Softmax)?.axis == 1, let scores = draft.linear(draft[weights.operands[0]]),
        scores.bias == nil, scores.input == stage.operands[1]
      else { return nil }
      var pooling = FoldingDraft.NewStage(stage.name, AttentionPooling(), scores.input)
      pooling.parameters = [("query", scores.weight)]
      return draft.replacing(stage.name, by: [pooling], rule: name)
    }
  }
}
