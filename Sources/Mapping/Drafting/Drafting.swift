internal import TensorFerryTensors

/// Drafts a mapping from the tensors of a file to those that a model wants, from names and shapes alone.
///
/// 1. Names are cut into words, and tensors into modules and numbered blocks, on both sides. Six equal layers are one
///    decision, and the weight and the bias of a layer are matched together.
/// 2. Shapes are hard constraints: up to transposition, permutation, joined heads, joined or split query-key-value.
/// 3. Names choose among what fits: equal names, then roles, then similar words. What fits nothing else needs no name.
/// 4. A square matrix is turned only if the layout is declared, or if other matrices of its kind show it.
///
/// Evidence must be unique in both directions. Whatever ties is a question, with its candidates; the order in the file
/// sorts candidates and never decides.
///
/// - Parameter layout: how the file stores matrices, if that is known; a way that it contradicts is not considered.
/// - Complexity: O(t · s) comparisons of modules; blocks of a stack count once.
package func draft(
  from sources: [TensorOutline], to targets: [TensorOutline], layout: ParameterLayout? = nil
) -> Draft {
  let wanted = targets.enumerated().map { ParsedName($1, position: $0) }
  // The model may ask for such a tensor itself: a batch norm has its `num_batches_tracked`.
  let wantedState = wanted.reduce(into: Set<String>()) { $0.formUnion($1.trainingState) }
  let parameters = ParsedName.numberingFirsts(sources).filter { $0.trainingState.isSubset(of: wantedState) }
  let targetScopes = BlockStack.scopes(of: wanted).map(RoleFinder.assign)
  let sourceScopes = BlockStack.scopes(of: parameters).map(RoleFinder.assign)
  var draft = Draft()
  for target in targetScopes {
    let matching = sourceScopes.filter { source in
      (source.indices == nil) == (target.indices == nil) && source.count == target.count
    }
    let writer = DraftWriter(target, matching.flatMap(\.modules), layout: layout)
    draft.steps += writer.steps.filter { $0.confidence >= DraftStep.minimumConfidence }
    draft.open += writer.open
  }
  draft.steps = withoutCollisions(draft.steps)
  let questions = OpenQuestions(
    targets: targets, parameters: parameters.map(\.outline), targetScopes: targetScopes, sourceScopes: sourceScopes,
    layout: layout)
  draft.open = questions.completed(draft.open, steps: draft.steps)
  return inOrder(draft, targets, sources)
}

/// Two stacks of one target could both claim a source: then neither gets it.
private func withoutCollisions(_ steps: [DraftStep]) -> [DraftStep] {
  var claims: [String: Int] = [:]
  for name in steps.flatMap(\.sources) { claims[name, default: 0] += 1 }
  var makers: [String: Int] = [:]
  for name in steps.flatMap(\.targets) { makers[name, default: 0] += 1 }
  return steps.filter { step in
    step.sources.allSatisfy { claims[$0] == 1 } && step.targets.allSatisfy { makers[$0] == 1 }
  }
}

/// Sorts steps and questions as the targets are listed, and adds the sources that are in none.
private func inOrder(_ draft: Draft, _ targets: [TensorOutline], _ sources: [TensorOutline]) -> Draft {
  let places = Dictionary(targets.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  func place(_ name: String?) -> Int { name.flatMap { places[$0] } ?? .max }
  var draft = draft
  draft.steps.sort { place($0.targets.first) < place($1.targets.first) }
  draft.open.sort { place($0.target) < place($1.target) }
  let named = Set(draft.steps.flatMap(\.sources) + draft.open.flatMap { $0.candidates.flatMap(\.sources) })
  draft.unused = sources.map(\.name).filter { !named.contains($0) }
  return draft
}
