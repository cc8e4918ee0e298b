internal import TensorFerryTensors

extension WeightMapping {
  /// Reads a mapping file: YAML or JSON, see `docs/reference/mapping-file.md`.
  ///
  /// - Throws: ``MappingError`` with everything that is wrong with it, each with line and column; ``TensorError`` if the
  ///   file cannot be read.
  public init(path: String) throws {
    let file = try SourceFile(path: path)
    guard file.byteCount <= UInt64(MappingLimits.fileByteCount) else {
      throw MappingError(
        file: nil, mapping: path,
        problems: [
          .init(
            .syntax, "the mapping file has \(file.byteCount) bytes, the limit is \(MappingLimits.fileByteCount)")
        ])
    }
    let bytes = try file.read(at: 0, count: Int(file.byteCount))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw MappingError(file: nil, mapping: path, problems: [.init(.syntax, "the mapping file is not UTF-8")])
    }
    try self.init(text, file: path)
  }

  /// Reads the text of a mapping file.
  ///
  /// - Throws: ``MappingError`` with everything that is wrong with it.
  public init(_ text: String, file: String? = nil) throws {
    do {
      var reader = MappingReader()
      self = reader.mapping(try LocatedValue(yaml: text))
      guard reader.problems.isEmpty else { throw MappingError(file: nil, mapping: file, problems: reader.problems) }
      self.file = file
    } catch let problem as MappingProblem {
      throw MappingError(file: nil, mapping: file, problems: [problem])
    }
  }
}

/// Reads rules out of located values and keeps every problem.
struct MappingReader {
  var problems: [MappingProblem] = []

  mutating func report(_ reason: String, _ value: LocatedValue, suggestion: String? = nil) {
    problems.append(.init(.syntax, reason, suggestion: suggestion, place: value.place))
  }

  mutating func mapping(_ root: LocatedValue) -> WeightMapping {
    var result = WeightMapping([])
    guard let members = root.members else {
      report("a mapping file is an object with 'mapping' and 'rules', this is \(root.description)", root)
      return result
    }
    var isNamed = false
    for (key, value) in members {
      switch key.string {
      case "mapping":
        isNamed = true
        if value.string != WeightMapping.schema {
          report("'mapping' is \(value.description), '\(WeightMapping.schema)' is known here", value)
        }
      case "key": result.key = text(value, "key")
      case "strip_prefix": result.strippedPrefixes = list(value).compactMap { text($0, "strip_prefix") }
      case "layout":
        result.layout = value.string.flatMap(ParameterLayout.init)
        if result.layout == nil {
          report("'layout' is 'output_first' or 'input_first', not \(value.description)", value)
        }
      case "rules":
        guard let rules = value.array else {
          report("'rules' is a list, this is \(value.description)", value)
          continue
        }
        result.rules = rules.compactMap { rule($0) }
      case "dtypes":
        guard let members = value.members else {
          report("'dtypes' is an object of patterns and types, this is \(value.description)", value)
          continue
        }
        for (names, type) in members {
          guard let pattern = text(names, "dtypes"), let dtype = dtype(type) else { continue }
          result.dtypes.append(.init(NameGlob(pattern), dtype, place: names.place))
        }
      default:
        unknown(key, among: ["mapping", "key", "strip_prefix", "layout", "rules", "dtypes"])
      }
    }
    if !isNamed {
      report("'mapping' is missing", root, suggestion: "write mapping: \(WeightMapping.schema)")
    }
    return result
  }

  mutating func unknown(_ key: LocatedValue, among known: [String]) {
    let near = key.string.flatMap { NearestName.of($0, among: known) }
    report(
      "\(key.description) is not known here; these are: \(known.joined(separator: ", "))", key,
      suggestion: near.map { "did you mean '\($0)'?" })
  }

  private mutating func rule(_ value: LocatedValue) -> MappingRule? {
    guard let members = value.members else {
      report("a rule is an object, this is \(value.description)", value)
      return nil
    }
    let known = ["to", "from", "apply", "keep", "drop", "constant", "optional"]
    var found: [String: LocatedValue] = [:]
    for (key, value) in members {
      if let name = key.string, known.contains(name) { found[name] = value } else { unknown(key, among: known) }
    }
    var isOptional = false
    if let optional = found["optional"] {
      isOptional = optional.bool ?? false
      if optional.bool == nil { report("'optional' is true or false, not \(optional.description)", optional) }
    }
    func make(_ kind: MappingRule.Kind, _ places: [Place?] = []) -> MappingRule {
      MappingRule(kind, isOptional: isOptional, place: value.place, transformPlaces: places)
    }
    switch Set(found.keys).subtracting(["optional"]) {
    case ["keep"]: return text(found["keep"]!, "keep").map { make(.keep(NameGlob($0))) }
    case ["drop"]: return text(found["drop"]!, "drop").map { make(.drop(NameGlob($0))) }
    case ["to", "constant"]:
      guard let name = text(found["to"]!, "to"), case .constant(let type, let number)? = constant(found["constant"]!)
      else { return nil }
      return make(.constant(name, type, number))
    case ["to", "from"], ["to", "from", "apply"]:
      let targets = list(found["to"]!).compactMap { pattern($0) }
      let sources = list(found["from"]!).compactMap { pattern($0) }
      let values = found["apply"].map(list) ?? []
      let transforms = values.compactMap { transform($0) }
      for key in ["to", "from"] where found[key]?.array?.isEmpty == true {
        report("'\(key)' names nothing", found[key]!)
      }
      guard !targets.isEmpty, !sources.isEmpty, transforms.count == values.count else { return nil }
      return make(.map(targets: targets, sources: sources, transforms: transforms), values.map(\.place))
    default:
      report(
        "a rule has 'to' and 'from' and perhaps 'apply', or 'to' and 'constant', or 'keep', or 'drop'; this one has "
          + "\(members.map(\.key.description).joined(separator: ", "))", value)
      return nil
    }
  }

  /// `{value: 0, shape: [3], dtype: F32}`, of which the type may be left out.
  mutating func constant(_ value: LocatedValue) -> TensorTransform? {
    var number: Double?
    var shape: Shape?
    var dtype: DType? = .f32
    for (key, member) in value.members ?? [] {
      switch key.string {
      case "value":
        number = member.double
        if number == nil { report("'value' is a number, not \(member.description)", member) }
      case "shape":
        shape = member.array.flatMap { try? Shape($0.map { $0.integer ?? -1 }) }
        if shape == nil { report("'shape' is a list of dimensions, not \(member.description)", member) }
      case "dtype": dtype = self.dtype(member)
      default: unknown(key, among: ["value", "shape", "dtype"])
      }
    }
    guard let number, let shape, let dtype else {
      report("a constant is {value: 0, shape: [3], dtype: F32}", value)
      return nil
    }
    guard dtype.isFloatingPoint, (try? dtype.byteCount(of: shape.elementCount)) != nil else {
      report("a constant of \(dtype.rawValue) \(shape) cannot be made", value)
      return nil
    }
    return .constant(TensorType(dtype, shape), number)
  }

  /// One value as a list of one.
  func list(_ value: LocatedValue) -> [LocatedValue] { value.array ?? [value] }

  mutating func text(_ value: LocatedValue, _ key: String) -> String? {
    if let text = value.string, !text.isEmpty { return text }
    report("'\(key)' takes a text, not \(value.description)", value)
    return nil
  }

  mutating func dtype(_ value: LocatedValue) -> DType? {
    if let text = value.string, let dtype = DType(rawValue: text.uppercased()) { return dtype }
    report("\(value.description) is no element type; these are F32, BF16, ...", value)
    return nil
  }

  private mutating func pattern(_ value: LocatedValue) -> NamePattern? {
    guard let text = text(value, "to and from") else { return nil }
    do {
      return try NamePattern(text)
    } catch {
      report("\(error)", value)
      return nil
    }
  }
}
