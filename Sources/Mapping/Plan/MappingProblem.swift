public import TensorFerryTensors

/// One reason why tensors do not become a model's parameters.
public struct MappingProblem: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, CaseIterable, Sendable {
    /// A parameter has no tensor.
    case missing
    /// A tensor belongs to no parameter.
    case unexpected
    /// A tensor has another shape than the parameter.
    case shape
    /// A tensor's element type cannot be used for the parameter without loss.
    case dtype
    /// More than one state dict in the file fits.
    case ambiguous
    /// A size of the model is 0.
    case emptySize
    /// The file holds something that must not be followed or cannot be read.
    case refused
    /// The mapping file is not YAML, or says something that is not known.
    case syntax
    /// A rule takes nothing from the source.
    case unusedRule
    /// Two rules make one target.
    case collision
    /// Two rules take the same elements of one source.
    case overlap
    /// A transform does not fit the tensors that it is given.
    case transform
    /// Rules lead from one to another in a circle.
    case cycle
  }

  public let code: Code
  /// The parameter of the model, if one is concerned.
  public let parameter: String?
  /// The tensor or object in the file, if one is concerned.
  public let source: String?
  /// What was found and what was expected.
  public let reason: String
  /// What to do about it, if that can be told.
  public let suggestion: String?
  /// Where the rule stands in the mapping file, if one is concerned.
  public let place: Place?

  public init(
    _ code: Code, parameter: String? = nil, source: String? = nil, _ reason: String, suggestion: String? = nil,
    place: Place? = nil
  ) {
    self.code = code
    self.parameter = parameter
    self.source = source
    self.reason = reason
    self.suggestion = suggestion
    self.place = place
  }

  public var description: String {
    (place.map { "\($0): " } ?? "") + code.rawValue + ": " + reason + (suggestion.map { "; " + $0 } ?? "")
  }

  private var line: (Int, Int)? { if case .line(let line, let column) = place { (line, column) } else { nil } }

  public var json: JSONValue {
    [
      "code": .string(code.rawValue), "parameter": JSONValue(parameter), "source": JSONValue(source),
      "reason": .string(reason), "suggestion": JSONValue(suggestion), "line": line.map { JSONValue($0.0) } ?? nil,
      "column": line.map { JSONValue($0.1) } ?? nil,
    ]
  }
}

/// A mapping that cannot be carried out, with every problem that it has.
public struct MappingError: LocatedError {
  /// The file whose tensors are mapped.
  public let file: String?
  /// The mapping file, if there is one.
  public let mapping: String?
  public let problems: [MappingProblem]
  /// What could not be done with the tensors: `map` or `select`.
  private let verb: String

  public init(file: String?, mapping: String? = nil, problems: [MappingProblem]) {
    self.init("map", file: file, mapping: mapping, problems: problems)
  }

  init(_ verb: String, file: String?, mapping: String? = nil, problems: [MappingProblem]) {
    self.verb = verb
    self.file = file
    self.mapping = mapping
    self.problems = problems
  }

  public var format: String? { nil }
  public var tensor: String? { nil }
  public var place: Place? { nil }
  /// The number of problems and a line for each.
  public var reason: String {
    let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
    let by = mapping.map { " by \($0.escapedForDisplay)" } ?? ""
    let lines = ["cannot \(verb) the tensors\(by): \(count)"] + problems.map { "  " + $0.description }
    return lines.joined(separator: "\n")
  }
}
