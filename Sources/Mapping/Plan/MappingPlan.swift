public import TensorFerryTensors

/// Which tensor becomes which parameter of a model, decided from names, dtypes and shapes alone.
///
/// A plan is data: making it reads no byte of a tensor, and what is wrong with it is listed in ``problems``, all at
/// once. ``tensors(from:)`` carries it out.
public struct MappingPlan: Sendable {
  public struct Step: Hashable, Sendable {
    public let parameter: ParameterSpec
    /// The name of the tensor in the state dict.
    public let source: String
    /// The element type as it is stored.
    public let dtype: DType
  }

  /// One step for each parameter that has a fitting tensor, in the model's order.
  public let steps: [Step]
  /// The model's sizes by name, as far as the shapes tell them.
  public let sizes: [String: Int]
  /// The prefix that was taken off every name, for example `model.module.`; empty if none was.
  public let prefix: String
  /// Tensors beside the state dict (optimizer state, epoch, ...), which are not used.
  public let ignored: [String]
  public let problems: [MappingProblem]
  /// The file that the state dict came from.
  public let file: String?

  /// Plans the parameters of a model from a state dict.
  ///
  /// The state dict may lie under a key of a checkpoint and behind `module.` and `_orig_mod.`, in any order and
  /// number.
  ///
  /// - Parameters:
  ///   - key: where the state dict is inside the checkpoint, for example `model`; nil to find it.
  ///   - accepts: the element types that a parameter may have.
  public init(
    _ patterns: [ParameterPattern], from state: StateDict, key: String? = nil,
    accepting accepts: (DType) -> Bool = \.widensToFloat32
  ) {
    let names = patterns.map(\.name)
    let inside = key.map { key in state.names.filter { $0.hasPrefix(key + ".") } } ?? state.names
    let candidates = StateDictRoot.candidates(of: names, in: inside)
    let root = candidates.first ?? StateDictRoot(prefix: key.map { $0 + "." } ?? "", matches: 0)
    let belongs = { (name: String) -> Bool in (root.isWrapper && key == nil) || name.hasPrefix(root.prefix) }
    var problems = state.others.filter(\.isRefused).map {
      MappingProblem(.refused, source: $0.name, "'\($0.name.escapedForDisplay)', \($0.kind): \($0.reason)")
    }

    let rivals = candidates.dropFirst().filter { $0.matches == root.matches && root.matches == names.count }
    if !rivals.isEmpty {
      let keys = ([root] + rivals).map { "'\(String($0.prefix.dropLast()).escapedForDisplay)'" }
      problems.append(
        .init(
          .ambiguous, "\(keys.count) state dicts fit: \(keys.joined(separator: ", "))",
          suggestion: "choose one with its key"))
    }

    var shapes: [String: Shape] = [:]
    for name in names { shapes[name] = state[root.prefix + name]?.shape }
    let sizes = SizeInference(patterns: patterns, shapes: shapes).solve()
    for (size, value) in sizes.sorted(by: { $0.key < $1.key }) where value == 0 {
      problems.append(
        .init(.emptySize, "the model's size '\(size)' is 0", suggestion: "a model needs sizes of at least 1"))
    }

    let expected = Set(names.map { root.prefix + $0 })
    let unexpected = state.names.filter { belongs($0) && !expected.contains($0) }
    let missing = names.filter { shapes[$0] == nil }
    var steps: [Step] = []
    for pattern in patterns {
      let source = root.prefix + pattern.name
      guard let tensor = state[source] else {
        let near = NearestName.of(source, among: unexpected)
        problems.append(
          .init(
            .missing, parameter: pattern.name,
            "'\(pattern.name)' \(pattern.description(in: sizes)) is not in the file",
            suggestion: near.map { "did you mean '\($0.escapedForDisplay)' \(state[$0]?.shape.description ?? "")?" }))
        continue
      }
      let problem = Self.problem(of: tensor, for: pattern, source: source, sizes: sizes, accepts: accepts)
      problems += problem
      if problem.isEmpty, let shape = pattern.shape(in: sizes) {
        steps.append(Step(parameter: ParameterSpec(pattern.name, shape), source: source, dtype: tensor.dtype))
      }
    }
    for name in unexpected {
      let near = NearestName.of(name, among: missing.map { root.prefix + $0 })
      problems.append(
        .init(
          .unexpected, source: name,
          "'\(name.escapedForDisplay)' \(state[name]?.shape.description ?? "") belongs to no parameter",
          suggestion: near.map { "is it '\($0)', which is missing?" }))
    }

    self.steps = steps
    self.sizes = sizes
    self.prefix = root.prefix
    self.ignored = state.names.filter { !belongs($0) }
    self.problems = problems
    file = state.origin?.path
  }

  private static func problem(
    of tensor: LazyTensor, for pattern: ParameterPattern, source: String, sizes: [String: Int], accepts: (DType) -> Bool
  ) -> [MappingProblem] {
    var problems: [MappingProblem] = []
    let name = "'\(source.escapedForDisplay)'"
    if !pattern.accepts(tensor.shape.dimensions, in: sizes) {
      let transposed = tensor.shape.rank > 1 && pattern.accepts(tensor.shape.dimensions.reversed(), in: sizes)
      problems.append(
        .init(
          .shape, parameter: pattern.name, source: source,
          "\(name) is \(tensor.shape), \(pattern.description(in: sizes)) is expected",
          suggestion: transposed ? "transposed would fit" : nil))
    }
    if !accepts(tensor.dtype) {
      problems.append(
        .init(
          .dtype, parameter: pattern.name, source: source,
          "\(name) holds \(tensor.dtype.rawValue), F32, F16 or BF16 is expected",
          suggestion: tensor.dtype == .f64 ? "save it as float32: the cast rounds, so it is not made in silence" : nil))
    }
    return problems
  }

  /// - Throws: ``MappingError`` with every problem, if there is one.
  public func check() throws {
    guard problems.isEmpty else { throw MappingError(file: file, problems: problems) }
  }

  /// The tensors of the plan under the model's names, not read yet, ties kept.
  ///
  /// - Throws: ``MappingError`` if the plan has problems.
  public func apply(to state: StateDict) throws -> StateDict {
    try check()
    var result = StateDict()
    result.origin = state.origin
    var owners: [String: String] = [:]
    let aliases = Dictionary(uniqueKeysWithValues: state.map { ($0.name, $0.aliasOf ?? $0.name) })
    for step in steps {
      guard let tensor = state[step.source], let owner = aliases[step.source] else {
        throw MappingError(
          file: state.origin?.path,
          problems: [.init(.missing, parameter: step.parameter.name, "'\(step.source)' is not in this state dict")])
      }
      try result.append(step.parameter.name, tensor, aliasOf: owners[owner])
      if owners[owner] == nil { owners[owner] = step.parameter.name }
    }
    return result
  }

  /// Reads the tensors of the plan, by parameter name; all of them or none.
  ///
  /// - Throws: ``MappingError`` if the plan has problems, and whatever reading a tensor throws.
  public func tensors(from state: StateDict) throws -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: try apply(to: state).map { ($0.name, try $0.tensor.read()) })
  }
}
