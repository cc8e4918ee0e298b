internal import TensorFerry

/// A weight file, the model that its tensors become, and the plan for it; no tensor is read yet.
struct OpenWeights {
  let state: StateDict
  let type: any ImportableModel.Type
  let plan: MappingPlan
  /// The members of the configuration that were given, or that the file holds.
  let options: JSONValue
  private let key: String?

  init(_ state: StateDict, as type: any ImportableModel.Type, key: String?, options: JSONValue) {
    self.state = state
    self.type = type
    self.key = key
    self.options = options
    plan = type.plan(importing: state, key: key, options: options)
  }

  /// The options that nothing told, with the standards that are taken for them.
  var assumed: [JSONValue.Member] {
    type.options.compactMap { option in
      options[option.name] == nil ? option.standard.map { .init(option.name, $0) } : nil
    }
  }

  /// Reads the tensors: all of them or none.
  func model() throws -> any ImportableModel { try type.load(plan, state, options: options) }

  /// The same with what the reference tells of options that nothing else tells, and what was taken from it.
  func completed(from bundle: ReferenceBundle) -> (weights: OpenWeights, taken: [JSONValue.Member]) {
    guard bundle.model == type.id else { return (self, []) }
    let taken = type.options.compactMap { option -> JSONValue.Member? in
      options[option.name] == nil ? bundle.configuration?[option.name].map { .init(option.name, $0) } : nil
    }
    let completed = JSONValue.object((options.members ?? []) + taken)
    return (OpenWeights(state, as: type, key: key, options: completed), taken)
  }
}

extension [JSONValue.Member] {
  /// For a line of text: `num_heads 4, activation "gelu"`.
  var description: String { map { "\($0.key) \($0.value.text())" }.joined(separator: ", ") }
}

extension ImportableModel {
  /// The initialiser as a function, which can be called on a type that is known at run time alone.
  fileprivate static func load(
    _ plan: MappingPlan, _ state: StateDict, options: JSONValue
  ) throws -> any ImportableModel {
    try Self(plan, state, options: options)
  }
}
