public import TensorFerryTensors

/// One declared rule: which tensors of the source become which tensors of the target, and how.
public struct MappingRule: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// The sources go through the transforms and become the targets.
    ///
    /// A name that begins with `$` is neither in the source nor in the target: it leads from one rule to another.
    case map(targets: [NamePattern], sources: [NamePattern], transforms: [TensorTransform])
    /// The names that match keep their names, unless another rule takes them.
    case keep(NameGlob)
    /// The tensors are left out.
    case drop(NameGlob)
    /// A tensor with one value everywhere, which no source has.
    case constant(String, TensorType, Double)
  }

  public let kind: Kind
  /// True if it is no mistake that the source has nothing for the rule.
  public let isOptional: Bool
  /// Where the rule stands in its mapping file.
  public let place: Place?
  /// Where its transforms stand.
  let transformPlaces: [Place?]

  public init(_ kind: Kind, isOptional: Bool = false) {
    self.init(kind, isOptional: isOptional, place: nil, transformPlaces: [])
  }

  init(_ kind: Kind, isOptional: Bool, place: Place?, transformPlaces: [Place?]) {
    self.kind = kind
    self.isOptional = isOptional
    self.place = place
    self.transformPlaces = transformPlaces
  }

  /// A rule with patterns as mapping files have them.
  ///
  /// - Throws: ``PatternError``.
  public init(
    _ targets: String..., from sources: [String], applying transforms: [TensorTransform] = [], isOptional: Bool = false
  ) throws {
    self.init(
      .map(
        targets: try targets.map { try NamePattern($0) }, sources: try sources.map { try NamePattern($0) },
        transforms: transforms),
      isOptional: isOptional)
  }

  /// The rule in one line of YAML, as mapping files have it.
  public var description: String { json.yamlLine }

  /// As mapping files have it.
  public var json: JSONValue {
    func names(_ patterns: [NamePattern]) -> JSONValue {
      patterns.count == 1 ? .string(patterns[0].description) : .array(patterns.map { .string($0.description) })
    }
    var members: [JSONValue.Member]
    switch kind {
    case .map(let targets, let sources, let transforms):
      members = [.init("to", names(targets)), .init("from", names(sources))]
      if transforms.count == 1 {
        members.append(.init("apply", transforms[0].json))
      } else if !transforms.isEmpty {
        members.append(.init("apply", .array(transforms.map(\.json))))
      }
    case .keep(let glob): members = [.init("keep", .string(glob.pattern))]
    case .drop(let glob): members = [.init("drop", .string(glob.pattern))]
    case .constant(let name, let type, let value):
      members = [
        .init("to", .string(name)), .init("constant", TensorTransform.constant(type, value).json["constant"] ?? nil),
      ]
    }
    if isOptional { members.append(.init("optional", true)) }
    return .object(members)
  }
}

/// Which axis of a matrix counts the results, and which the operands of the layer.
public enum ParameterLayout: String, Hashable, Sendable, CaseIterable {
  /// `[out, in]`, as PyTorch has it.
  case outputFirst = "output_first"
  /// `[in, out]`, as Keras and TensorFlow have it.
  case inputFirst = "input_first"
}

/// Declared rules that lead from the tensors of a file to those of a model or of another file.
public struct WeightMapping: Hashable, Sendable {
  /// The part of a checkpoint that the names are in, for example `model`.
  public var key: String?
  /// Prefixes that are taken off every name, as often as they stand there, before the rules see it.
  public var strippedPrefixes: [String] = []
  /// How matrices lie in the source; nil if as the target wants them. Parameters that declare another layout are
  /// transposed, unless their rule has transforms of its own.
  public var layout: ParameterLayout?
  public var rules: [MappingRule]
  /// The types of targets whose names match; the first that matches counts.
  public var dtypes: [DTypeRule] = []
  /// The file that the mapping was read from.
  public internal(set) var file: String?
  /// What it is called in reports where it is from no file, for example `Keras's names`.
  public var name: String?

  /// The file, or the name.
  public var title: String { file ?? name ?? "declared rules" }

  public struct DTypeRule: Hashable, Sendable {
    public let names: NameGlob
    public let dtype: DType
    let place: Place?

    public init(_ names: NameGlob, _ dtype: DType) { self.init(names, dtype, place: nil) }

    init(_ names: NameGlob, _ dtype: DType, place: Place?) {
      self.names = names
      self.dtype = dtype
      self.place = place
    }
  }

  public init(_ rules: [MappingRule], layout: ParameterLayout? = nil) {
    self.rules = rules
    self.layout = layout
  }

  /// The value of `mapping` in a mapping file.
  public static let schema = "tensorferry.mapping/1"

  public var json: JSONValue {
    var members: [JSONValue.Member] = [.init("mapping", .string(Self.schema))]
    if let key { members.append(.init("key", .string(key))) }
    if !strippedPrefixes.isEmpty {
      members.append(.init("strip_prefix", .array(strippedPrefixes.map { .string($0) })))
    }
    if let layout { members.append(.init("layout", .string(layout.rawValue))) }
    members.append(.init("rules", .array(rules.map(\.json))))
    if !dtypes.isEmpty {
      members.append(.init("dtypes", .object(dtypes.map { .init($0.names.pattern, .string($0.dtype.rawValue)) })))
    }
    return .object(members)
  }

  /// The mapping file: YAML with a rule in a line.
  public var text: String {
    (json.members ?? []).map { member in
      switch (member.key, member.value) {
      case ("rules", .array(let rules)): "rules:\n" + rules.map { "- \($0.yamlLine)\n" }.joined()
      case ("mapping", .string(let schema)): "mapping: \(schema)\n"
      case (let key, let value): "\(key): \(value.yamlLine)\n"
      }
    }.joined()
  }
}
