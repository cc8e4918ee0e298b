internal import TensorFerryTensors
internal import Yams

/// A value of a mapping file and where it stands.
struct LocatedValue {
  indirect enum Kind {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([LocatedValue])
    case object([(key: LocatedValue, value: LocatedValue)])
  }

  let kind: Kind
  let place: Place?

  var string: String? { if case .string(let text) = kind { text } else { nil } }
  var integer: Int? { if case .integer(let value) = kind { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = kind { value } else { nil } }
  var array: [LocatedValue]? { if case .array(let values) = kind { values } else { nil } }
  var members: [(key: LocatedValue, value: LocatedValue)]? {
    if case .object(let members) = kind { members } else { nil }
  }

  var double: Double? {
    switch kind {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// What it is, for messages.
  var description: String {
    switch kind {
    case .null: "null"
    case .bool(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let text): "'\(text.escapedForDisplay)'"
    case .array(let values): "a list of \(values.count)"
    case .object: "an object"
    }
  }

  init(_ kind: Kind, place: Place?) {
    self.kind = kind
    self.place = place
  }

  /// A value of JSON, which has no place.
  init(_ json: JSONValue) {
    place = nil
    switch json {
    case .null: kind = .null
    case .bool(let value): kind = .bool(value)
    case .integer(let value): kind = .integer(Int(value))
    case .unsigned(let value): kind = .number(Double(value))
    case .number(let value): kind = .number(value)
    case .string(let text): kind = .string(text)
    case .array(let values): kind = .array(values.map(LocatedValue.init))
    case .object(let members):
      kind = .object(members.map { (LocatedValue(.string($0.key), place: nil), LocatedValue($0.value)) })
    }
  }
}

extension LocatedValue {
  /// Reads YAML, of which JSON is a part. Of the scalars that are not quoted only `null`, `true`, `false` and numbers as
  /// JSON has them are not texts: `no` is a text, and so is `1_000`.
  ///
  /// - Throws: ``MappingProblem`` with the place.
  init(yaml text: String) throws {
    do {
      guard let root = try Yams.compose(yaml: text) else {
        throw MappingProblem(.syntax, "the mapping file is empty")
      }
      var count = 0
      try self.init(root, depth: 0, count: &count)
    } catch let error as YamlError {
      throw MappingProblem(error)
    }
  }

  private init(_ node: Node, depth: Int, count: inout Int) throws {
    let place = node.mark.map { Place.line($0.line, column: $0.column) }
    count += 1
    guard count <= MappingLimits.values, depth <= MappingLimits.depth else {
      throw MappingProblem(
        .syntax,
        depth > MappingLimits.depth
          ? "values nest deeper than \(MappingLimits.depth), which is the limit"
          : "there are more than \(MappingLimits.values) values, which is the limit",
        place: place)
    }
    switch node {
    case .scalar(let scalar):
      self.init(scalar.style == .plain ? Self.plain(scalar.string) : .string(scalar.string), place: place)
    case .sequence(let nodes):
      var values: [LocatedValue] = []
      for node in nodes { values.append(try LocatedValue(node, depth: depth + 1, count: &count)) }
      self.init(.array(values), place: place)
    case .mapping(let pairs):
      var members: [(key: LocatedValue, value: LocatedValue)] = []
      for (key, value) in pairs {
        let key = try LocatedValue(key, depth: depth + 1, count: &count)
        members.append((key, try LocatedValue(value, depth: depth + 1, count: &count)))
      }
      self.init(.object(members), place: place)
    case .alias: throw MappingProblem(.syntax, "an alias refers to nothing", place: place)
    }
  }

  private static func plain(_ text: String) -> Kind {
    switch text {
    case "", "~", "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      guard let first = text.utf8.first, first == 0x2D || (0x30...0x39).contains(first) else { return .string(text) }
      switch try? JSONValue(parsing: text) {
      case .integer(let value): return Int(exactly: value).map(Kind.integer) ?? .number(Double(value))
      case .unsigned(let value): return .number(Double(value))
      case .number(let value): return .number(value)
      default: return .string(text)
      }
    }
  }
}

extension MappingProblem {
  fileprivate init(_ error: YamlError) {
    func place(_ mark: Mark) -> Place { .line(mark.line, column: mark.column) }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self.init(.syntax, "this is no YAML: \(problem)", place: place(mark))
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
      self.init(.syntax, "a key stands twice: \(names)", place: place(context.mark))
    case .reader(let problem, let offset, _, _):
      self.init(.syntax, "this is no YAML: \(problem)" + (offset.map { " at character \($0)" } ?? ""))
    default: self.init(.syntax, "this is no YAML")
    }
  }
}
