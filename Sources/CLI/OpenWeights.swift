internal import TensorFerry

/// A weight file, the model that its tensors become, and the plan for it; no tensor is read yet.
struct OpenWeights {
  let state: StateDict
  let type: any ImportableModel.Type
  let plan: MappingPlan
  /// The members of the configuration that were given, or that the file holds.
  let options: JSONValue
  private let key: String?
  private let mapping: WeightMapping?

  init(
    _ state: StateDict, as type: any ImportableModel.Type, key: String?, mapping: WeightMapping?, options: JSONValue
  ) {
    self.state = state
    self.type = type
    self.key = key
    self.options = options
    self.mapping = mapping
    plan = type.plan(importing: state, key: key, mapping: mapping, options: options)
  }

  /// The options that nothing told, with the standards that are taken for them.
  var assumed: [JSONValue.Member] {
    type.options.compactMap { option in
      options[option.name] == nil ? option.standard.map { .init(option.name, $0) } : nil
    }
  }

  /// The parameters that the plan computes, or that the plan did by which the file was made; see
  /// ``MappingPlan/computedParameters``.
  func computedParameters() throws -> [String: Double] {
    let own = plan.computedParameters
    guard own.isEmpty, let recorded = try MappingPlan(recordedIn: state) else { return own }
    return recorded.computedParameters
  }

  /// The model's configuration, from headers alone.
  func configuration() throws -> JSONValue { try type.configurationJSON(of: plan, options: options) }

  /// Takes the tensors: all of them or none.
  ///
  /// - Parameter mapsFile: whether they may stay in the file, for a model that is run and no more.
  func model(mapsFile: Bool = false) throws -> any ImportableModel {
    try type.load(plan, state, options: options, mapsFile: mapsFile)
  }

  /// The same with what the reference tells of options that nothing else tells, and what was taken from it.
  func completed(from bundle: ReferenceBundle?) -> (weights: OpenWeights, taken: [JSONValue.Member]) {
    guard let bundle, bundle.model == type.id else { return (self, []) }
    let taken = type.options.compactMap { option -> JSONValue.Member? in
      options[option.name] == nil ? bundle.configuration?[option.name].map { .init(option.name, $0) } : nil
    }
    let completed = JSONValue.object((options.members ?? []) + taken)
    return (OpenWeights(state, as: type, key: key, mapping: mapping, options: completed), taken)
  }
}

extension [JSONValue.Member] {
  /// For a line of text: `num_heads 4, activation "gelu"`.
  var description: String { map { "\($0.key) \($0.value.text())" }.joined(separator: ", ") }
}

extension ImportableModel {
  fileprivate static func configurationJSON(of plan: MappingPlan, options: JSONValue) throws -> JSONValue {
    try configuration(of: plan, options: options).json
  }

  /// The initialiser as a function, which can be called on a type that is known at run time alone.
  fileprivate static func load(
    _ plan: MappingPlan, _ state: StateDict, options: JSONValue, mapsFile: Bool
  ) throws -> any ImportableModel {
    try Self(plan, state, options: options, mapsFile: mapsFile)
  }
}
