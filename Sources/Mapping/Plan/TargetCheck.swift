internal import TensorFerryTensors

/// Holds the results of steps against the parameters that a model declares.
struct TargetCheck {
  private let patterns: [ParameterPattern]
  private let steps: [String: (step: MappingStep, type: TensorType)]
  /// What stands before the names in the file, if they are otherwise the model's own.
  private let prefix: String
  /// Targets whose rule has a problem, which is reported already.
  private let failed: Set<String>
  let sizes: [String: Int]

  private static let pairLimit = 100_000

  init(_ patterns: [ParameterPattern], steps: [MappingStep], prefix: String = "", failed: Set<String> = []) {
    self.patterns = patterns
    self.prefix = prefix
    self.failed = failed
    var found: [String: (step: MappingStep, type: TensorType)] = [:]
    for step in steps {
      for (name, type) in zip(step.targets, step.results) { found[name] = (step, type) }
    }
    self.steps = found
    sizes = SizeInference(patterns: patterns, shapes: found.mapValues(\.type.shape)).solve()
  }

  /// - Parameter unexpected: tensors that belong to no parameter.
  func problems(unexpected: [(name: String, shape: Shape?)]) -> [MappingProblem] {
    var problems = sizes.sorted { $0.key < $1.key }.filter { $0.value == 0 }.map {
      MappingProblem(.emptySize, "the model's size '\($0.key)' is 0", suggestion: "a model needs sizes of at least 1")
    }
    let missing = patterns.map(\.name).filter { steps[$0] == nil && !failed.contains($0) }
    // Names are compared in pairs: where almost nothing fits, the nearest name says nothing either.
    let comparable = missing.count * unexpected.count <= Self.pairLimit
    for pattern in patterns {
      if let found = steps[pattern.name] {
        problems += self.problems(of: found.step, found.type, for: pattern)
      } else if !failed.contains(pattern.name) {
        problems.append(problem(ofMissing: pattern, comparable ? unexpected : []))
      }
    }
    for (name, shape) in unexpected {
      let near = comparable ? NearestName.of(name, among: missing.map { prefix + $0 }) : nil
      problems.append(
        .init(
          .unexpected, source: name, "'\(name.escapedForDisplay)' \(shape?.description ?? "") belongs to no parameter",
          suggestion: MappingAdvice.arrangement(of: name, among: unexpected.map(\.name))
            ?? near.map { "is it '\($0.escapedForDisplay)', which is missing?" },
          place: steps[name]?.step.place))
    }
    return problems
  }

  private func problem(ofMissing pattern: ParameterPattern, _ unexpected: [(name: String, shape: Shape?)])
    -> MappingProblem
  {
    let near = NearestName.of(prefix + pattern.name, among: unexpected.map(\.name))
    let shape = near.flatMap { near in unexpected.first { $0.name == near }?.shape }
    return .init(
      .missing, parameter: pattern.name, "'\(pattern.name)' \(pattern.description(in: sizes)) is not in the file",
      suggestion: near.map { "did you mean '\($0.escapedForDisplay)' \(shape?.description ?? "")?" })
  }

  private func problems(of step: MappingStep, _ type: TensorType, for pattern: ParameterPattern) -> [MappingProblem] {
    var problems: [MappingProblem] = []
    let source = step.transforms.isEmpty ? step.sources.first ?? pattern.name : pattern.name
    let name = "'\(source.escapedForDisplay)'"
    if !pattern.accepts(type.shape.dimensions, in: sizes) {
      let transposed = type.shape.rank > 1 && pattern.accepts(type.shape.dimensions.reversed(), in: sizes)
      let isKernel = step.sources.first?.hasSuffix("kernel") == true
      problems.append(
        .init(
          .shape, parameter: pattern.name, source: source,
          "\(name) is \(type.shape), \(pattern.description(in: sizes)) is expected",
          suggestion: transposed
            ? "transposed would fit" + (isKernel ? ": this looks like a Keras kernel, layout: input_first" : "") : nil,
          place: step.place))
    }
    if !pattern.dtypes.contains(type.dtype) {
      let expected = DType.allCases.filter(pattern.dtypes.contains).map(\.rawValue).joined(separator: " or ")
      problems.append(
        .init(
          .dtype, parameter: pattern.name, source: source,
          "\(name) holds \(type.dtype.rawValue), \(expected) is expected",
          suggestion: type.dtype == .f64
            ? "save it as float32, or say cast: F32; the cast rounds, so it is not made in silence" : nil,
          place: step.place))
    }
    return problems
  }
}
