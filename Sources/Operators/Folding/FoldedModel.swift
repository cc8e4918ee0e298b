public import TensorFerryTensors

/// A model whose graph was rewritten by identities of exact arithmetic into one that takes fewer operations.
///
/// It computes the same function with another rounding. ``certificate(on:)`` tells whether what it computes lies where the
/// faithful model's rounding may put it.
public struct FoldedModel: Sendable {
  /// The graph that is left. Stages that it has in common with the model bear the same names.
  public let graph: StageGraph
  /// Computed in Double and rounded once.
  public let parameters: [String: ArrayView<Float>]
  /// The rules that were applied, in order.
  public let rules: [String]
  /// How many products of two numbers a pass takes, of this graph and of the model's, for the shapes given.
  public let multiplications: (folded: Int, faithful: Int)
  let faithful: any Model

  /// - Parameter inputs: the shapes for which operations are counted; the result takes any other, too.
  /// - Throws: ``ModelError`` with code `.notFoldable` if no rule makes the graph cheaper, and for shapes that do not fit.
  public init(_ model: some Model, inputs: [String: Shape]) throws {
    let draft = FoldingDraft(model.graph)
    let faithful = try draft.multiplications(inputs)
    let (best, count) = try Self.cheapest(from: draft, inputs, faithful)
    guard count < faithful else {
      throw ModelError(
        .notFoldable, "no rule makes \(type(of: model).id) cheaper than its \(faithful) multiplications",
        name: type(of: model).id)
    }
    graph = try best.graph()
    rules = best.rules
    multiplications = (count, faithful)
    self.faithful = model
    var parameters: [String: ArrayView<Float>] = [:]
    for spec in graph.parameters {
      parameters[spec.name] =
        try best.coefficients[spec.name].map { coefficient in
          try ArrayView(coefficient.value(model.parameters).elements.map(Float.init), shape: spec.shape)
        } ?? model.parameters[spec.name]!
    }
    self.parameters = parameters
  }

  private static let rules: [any FoldingRule.Type] = [
    LinearAfterLinear.self, ShiftIntoSoftmax.self, LinearThroughConvexCombination.self, OnePass.self,
  ]
  /// Independent places to apply rules multiply the ways to do so; a model of that many is folded as far as was found.
  private static let mostDrafts = 1_000

  /// Tries the rules in every order and counts; the first found of equal ones, which applies the fewest.
  private static func cheapest(
    from draft: FoldingDraft, _ inputs: [String: Shape], _ count: Int
  ) throws -> (FoldingDraft, Int) {
    var best = (draft: draft, count: count)
    var drafts = [draft]
    var seen: Set<String> = [draft.key]
    var next = 0
    while next < drafts.count, drafts.count < mostDrafts {
      let draft = drafts[next]
      next += 1
      let shapes = try draft.graph().shapes(inputs: inputs)
      for rewrite in rules.flatMap({ $0.rewrites(of: draft, shapes) }) where seen.insert(rewrite.key).inserted {
        let count = try rewrite.multiplications(inputs)
        if count < best.count || (count == best.count && rewrite.stages.count < best.draft.stages.count) {
          best = (rewrite, count)
        }
        drafts.append(rewrite)
      }
    }
    return best
  }

  /// Runs the folded graph in float32.
  ///
  /// - Parameter inputs: as ``Model/run(_:)`` takes them.
  /// - Returns: what the model's output stage gives.
  /// - Throws: as ``Model/run(_:)``.
  public func output(_ inputs: [String: Tensor]) throws -> Tensor {
    try graph.run(inputs, parameters)[.stage(graph.output)]!.tensor()
  }
}
