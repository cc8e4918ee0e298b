public import TensorFerryTensors

extension MappingPlan {
  /// The value of `schema` in the JSON of a plan.
  public static let schema = "tensorferry.plan/1"

  /// The plan as data, from which ``init(json:)`` makes it again.
  public var json: JSONValue {
    [
      "schema": .string(Self.schema),
      "mapping": JSONValue(mapping?.file),
      "prefix": .string(prefix),
      "steps": .array(steps.map(\.json)),
      "sources": .array(sources.map { .string($0) }),
      "targets": .array(targets.map { .string($0) }),
      "dropped": .array(dropped.map { .string($0) }),
      "ignored": .array(ignored.map { .string($0) }),
      "problems": .array(problems.map(\.json)),
    ]
  }

  /// Makes a plan from its JSON, for example from the one that a model file holds.
  ///
  /// - Throws: ``MappingError`` if it is not a plan, or if its shapes do not follow from its transforms.
  public init(json: JSONValue, file: String? = nil) throws {
    func malformed(_ reason: String) -> MappingError {
      MappingError(file: file, problems: [.init(.syntax, "the recorded plan \(reason)")])
    }
    guard json["schema"]?.string == Self.schema else { throw malformed("has no schema '\(Self.schema)'") }
    func names(_ key: String) -> [String]? {
      guard let values = json[key]?.array else { return nil }
      let names = values.compactMap(\.string)
      return names.count == values.count ? names : nil
    }
    guard let steps = json["steps"]?.array, let sources = names("sources"), let targets = names("targets") else {
      throw malformed("lacks steps, sources or targets")
    }
    do {
      self.init(
        steps: try steps.map(MappingStep.init), sources: sources, targets: targets,
        prefix: json["prefix"]?.string ?? "", file: file)
    } catch let misfit as TransformMisfit {
      throw malformed("does not hold: \(misfit.reason)")
    }
    guard Set(self.targets).count == targets.count, Set(self.targets).isSubset(of: self.steps.flatMap(\.targets)) else {
      throw malformed("names targets that no step makes, or one twice")
    }
  }
}

extension MappingPlan {
  /// The plan by which a model file was made, which is in its metadata under `plan`; nil if there is none.
  ///
  /// - Throws: ``MappingError`` if what is there is no plan.
  public init?(recordedIn state: StateDict) throws {
    guard let recorded = state.metadata("plan") else { return nil }
    // A text in formats whose metadata are texts.
    let json = try recorded.string.map { try JSONValue(parsing: $0) } ?? recorded
    try self.init(json: json, file: state.origin?.path)
  }
}

extension MappingStep {
  /// The step as data: sources and targets with their types, and the transforms between them.
  var json: JSONValue {
    func list(_ names: [String], _ types: [TensorType]) -> JSONValue {
      .array(
        zip(names, types).map { name, type in
          ["name": .string(name), "dtype": .string(type.dtype.rawValue), "shape": JSONValue(type.shape)]
        })
    }
    var members: [JSONValue.Member] = [
      .init("targets", list(targets, results)), .init("sources", list(sources, types[0])),
      .init("transforms", .array(transforms.map(\.json))),
    ]
    if let reason { members.append(.init("reason", .string(reason))) }
    if case .line(let line, _)? = place { members.append(.init("line", JSONValue(line))) }
    return .object(members)
  }

  init(json: JSONValue) throws {
    func list(_ key: String) throws -> [(String, TensorType)] {
      try (json[key]?.array ?? []).map { value in
        guard let name = value["name"]?.string, let dtype = value["dtype"]?.string.flatMap(DType.init),
          let dimensions = value["shape"]?.array?.map({ $0.int ?? -1 })
        else { throw TransformMisfit("a tensor lacks its name, dtype or shape") }
        return (name, TensorType(dtype, try Shape(dimensions)))
      }
    }
    let (sources, targets) = (try list("sources"), try list("targets"))
    var reader = MappingReader()
    var types = [sources.map(\.1)]
    var transforms: [TensorTransform] = []
    for value in json["transforms"]?.array ?? [] {
      guard var transform = reader.transform(LocatedValue(value)) else {
        throw TransformMisfit(reader.problems.first?.reason ?? "a transform is not known")
      }
      if case .share = transform { transform = .share(targets.count) }
      types.append(try transform.results(of: types[types.count - 1]))
      transforms.append(transform)
    }
    guard types[types.count - 1] == targets.map(\.1) else {
      throw TransformMisfit("the targets \(targets.map(\.0)) do not have the types that the transforms give")
    }
    self.init(
      sources: sources.map(\.0), transforms: transforms, targets: targets.map(\.0), types: types,
      place: json["line"]?.int.map { .line($0, column: 1) }, reason: json["reason"]?.string)
  }
}
