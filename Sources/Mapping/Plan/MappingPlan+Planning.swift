public import TensorFerryTensors

extension MappingPlan {
  /// Plans the parameters of a model whose names in the file are its own.
  ///
  /// The state dict may lie under a key of a checkpoint and behind `module.` and `_orig_mod.`, in any order and number.
  ///
  /// - Parameters:
  ///   - layout: how matrices lie in the file; parameters that declare another layout are transposed. Nil: as declared.
  ///   - key: where the state dict is inside the checkpoint, for example `model`; nil to find it.
  public init(
    _ patterns: [ParameterPattern], from state: StateDict, layout: ParameterLayout? = nil, key: String? = nil
  ) {
    let names = patterns.map(\.name)
    let inside = key.map { key in state.names.filter { $0.hasPrefix(key + ".") } } ?? state.names
    let candidates = StateDictRoot.candidates(of: names, in: inside)
    let root = candidates.first ?? StateDictRoot(prefix: key.map { $0 + "." } ?? "", matches: 0)
    let belongs = { (name: String) -> Bool in (root.isWrapper && key == nil) || name.hasPrefix(root.prefix) }
    var problems = Self.refusals(state)
    let rivals = candidates.dropFirst().filter { $0.matches == root.matches && root.matches == names.count }
    if !rivals.isEmpty {
      let keys = ([root] + rivals).map { "'\(String($0.prefix.dropLast()).escapedForDisplay)'" }
      problems.append(
        .init(
          .ambiguous, "\(keys.count) state dicts fit: \(keys.joined(separator: ", "))",
          suggestion: "choose one with its key"))
    }

    let steps = patterns.compactMap { pattern -> MappingStep? in
      let source = root.prefix + pattern.name
      return state[source].map { tensor in
        MappingStep(
          sources: [source], transforms: [], targets: [pattern.name], types: [[TensorType(tensor.dtype, tensor.shape)]]
        ).laidOut(as: pattern, from: layout)
      }
    }
    let check = TargetCheck(patterns, steps: steps, prefix: root.prefix)
    let expected = Set(names.map { root.prefix + $0 })
    let unexpected = state.names.filter { belongs($0) && !expected.contains($0) }
    problems += check.problems(unexpected: unexpected.map { ($0, state[$0]?.shape) })
    self.init(
      steps: steps, sources: state.names.filter(Set(steps.flatMap(\.sources)).contains),
      targets: steps.flatMap(\.targets), sizes: check.sizes, prefix: root.prefix,
      ignored: state.names.filter { !belongs($0) }, problems: problems, file: state.origin?.path)
  }

  /// Plans by declared rules.
  ///
  /// - Parameter target: the parameters that the results are to be, given the names of the results; nil takes any.
  public init(
    _ mapping: WeightMapping, from state: StateDict, to target: (([String]) -> [ParameterPattern])? = nil
  ) {
    var problems = Self.refusals(state)
    var selected = StateDict()
    do {
      selected = try mapping.select(from: state)
    } catch {
      problems += (error as? MappingError)?.problems ?? [.init(.missing, "\(error)")]
    }
    let resolver = MappingResolver(mapping, selected.map { ($0.name, TensorType($0.tensor.dtype, $0.tensor.shape)) })
    problems += resolver.problems
    var steps = resolver.steps
    var targets = steps.flatMap(\.targets).filter { !$0.isIntermediate }
    var sizes: [String: Int] = [:]
    if let target {
      let patterns = target(targets)
      let byName = Dictionary(patterns.map { ($0.name, $0) }) { first, _ in first }
      steps = steps.map { step in
        step.targets.count == 1
          ? byName[step.targets[0]].map { step.laidOut(as: $0, from: mapping.layout) } ?? step : step
      }
      let check = TargetCheck(patterns, steps: steps, failed: resolver.failed)
      sizes = check.sizes
      problems += check.problems(
        unexpected: targets.filter { byName[$0] == nil }.map { name in
          (name, steps.first { $0.targets.contains(name) }?.results.first?.shape)
        })
      let made = Set(targets)
      targets = patterns.map(\.name).filter(made.contains)
    }
    self.init(
      steps: steps, sources: selected.names.filter(Set(steps.flatMap(\.sources)).contains), targets: targets,
      sizes: sizes,
      prefix: mapping.prefix, dropped: resolver.dropped.map(\.name),
      ignored: state.names.filter { !$0.hasPrefix(mapping.key.map { $0 + "." } ?? "") }, problems: problems,
      file: state.origin?.path, mapping: mapping)
  }

  private static func refusals(_ state: StateDict) -> [MappingProblem] {
    state.others.filter(\.isRefused).map {
      MappingProblem(.refused, source: $0.name, "'\($0.name.escapedForDisplay)', \($0.kind): \($0.reason)")
    }
  }
}

extension MappingStep {
  /// The step with a transpose at its end if the parameter declares another layout than the source has.
  ///
  /// A rule with transforms of its own says what is to be done, and nothing is added to it.
  fileprivate func laidOut(as pattern: ParameterPattern, from layout: ParameterLayout?) -> MappingStep {
    guard let layout, let declared = pattern.layout, layout != declared, transforms.isEmpty, results[0].shape.rank == 2
    else { return self }
    return (try? appending(.transpose, reason: "declared \(declared.rawValue), the source is \(layout.rawValue)"))
      ?? self
  }
}
