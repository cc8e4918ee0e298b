public import TensorFerryTensors

extension MappingPlan {
  /// The result, not read yet: ties are kept where what is done to the tied tensors is the same.
  ///
  /// - Throws: ``MappingError`` if the plan has problems.
  public func apply(to state: StateDict) throws -> StateDict {
    try check()
    let evaluation = try MappingEvaluation(self, state)
    var result = StateDict()
    result.origin = state.origin
    result.metadata = state.metadata
    for name in targets {
      guard let (tensor, owner) = evaluation.values[name] else { continue }
      try result.append(name, tensor, aliasOf: owner == name ? nil : result[owner] == nil ? nil : owner)
    }
    return result
  }

  /// Reads the tensors of the plan, by parameter name; all of them or none.
  ///
  /// - Parameter mapsFile: whether a tensor that is a plain range of a file may stay there, mapped and not read. The file
  ///   must then keep its size as long as the tensor lives: an access behind its end ends the process.
  /// - Throws: ``MappingError`` if the plan has problems, and whatever reading a tensor throws.
  public func tensors(from state: StateDict, mapsFile: Bool = false) throws -> [String: Tensor] {
    var files = MappedFiles()
    var tensors: [String: Tensor] = [:]
    for (name, tensor) in try apply(to: state).map({ ($0.name, $0.tensor) }) {
      tensors[name] = try mapsFile ? tensor.mapped(in: &files) : tensor.read()
    }
    return tensors
  }

  /// What the casts of the plan lose. Reads every tensor that is cast.
  ///
  /// - Throws: ``MappingError`` if the plan has problems, and whatever reading throws.
  public func castLosses(_ state: StateDict) throws -> CastLosses {
    try check()
    var losses = CastLosses()
    for (name, tensor, dtype) in try MappingEvaluation(self, state).casts {
      try losses.add(name, tensor, castTo: dtype)
    }
    return losses
  }

  /// The names of the state dict as the rules see them: behind key and prefixes.
  func selected(_ state: StateDict) throws -> StateDict {
    try mapping?.select(from: state) ?? state
  }
}

/// Carries out the steps of a plan on lazy tensors.
struct MappingEvaluation {
  /// What each name stands for, and the first name of the result that has the same bytes.
  private(set) var values: [String: (tensor: LazyTensor, owner: String)] = [:]
  /// What is cast, under the name of the target.
  private(set) var casts: [(name: String, tensor: LazyTensor, dtype: DType)] = []

  private struct Work: Hashable {
    let sources: [String]
    let transforms: [TensorTransform]
    let index: Int
  }

  init(_ plan: MappingPlan, _ state: StateDict) throws {
    let order = Dictionary(uniqueKeysWithValues: plan.targets.enumerated().map { ($1, $0) })
    var owners: [Work: String] = [:]
    var aliases: [String: String] = [:]
    var sources: [String: LazyTensor] = [:]
    for element in try plan.selected(state) {
      sources[element.name] = element.tensor
      aliases[element.name] = element.aliasOf ?? element.name
    }
    for step in plan.steps {
      var tensors: [LazyTensor] = []
      for name in step.sources {
        // A target may bear the name of another source, as where two are exchanged.
        guard let tensor = (name.isIntermediate ? values[name]?.tensor : nil) ?? sources[name] else {
          throw MappingError(
            file: state.origin?.path,
            problems: [
              .init(
                .missing, parameter: step.targets.first, "'\(name.escapedForDisplay)' is not in this state dict")
            ])
        }
        tensors.append(tensor)
      }
      for transform in step.transforms {
        let results = try transform.apply(to: tensors)
        if transform.isCast {
          for (index, (before, after)) in zip(tensors, results).enumerated() where before.dtype != after.dtype {
            casts.append((step.targets[min(index, step.targets.count - 1)], before, after.dtype))
          }
        }
        tensors = results
      }
      let isShared = if case .share? = step.transforms.last { true } else { false }
      let identities = step.sources.map { ($0.isIntermediate ? values[$0]?.owner : nil) ?? aliases[$0] ?? $0 }
      for (index, (name, tensor)) in zip(step.targets, tensors).enumerated() {
        let work = Work(
          sources: identities, transforms: isShared ? step.transforms.dropLast() : step.transforms,
          index: isShared ? 0 : index)
        values[name] = (tensor, name)
        // The first of the result's names owns the bytes.
        if let owner = owners[work], !step.sources.isEmpty {
          if order[name] ?? .max < order[owner] ?? .max { owners[work] = name }
        } else {
          owners[work] = name
        }
        works[name] = work
      }
    }
    for (name, work) in works { values[name]?.owner = owners[work] ?? name }
  }

  private var works: [String: Work] = [:]
}
