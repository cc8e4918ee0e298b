public import TensorFerryTensors

/// One reason why tensors do not become a model's parameters.
public struct MappingProblem: Hashable, Sendable, CustomStringConvertible {
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

  public init(
    _ code: Code, parameter: String? = nil, source: String? = nil, _ reason: String, suggestion: String? = nil
  ) {
    self.code = code
    self.parameter = parameter
    self.source = source
    self.reason = reason
    self.suggestion = suggestion
  }

  public var description: String {
    code.rawValue + ": " + reason + (suggestion.map { "; " + $0 } ?? "")
  }

  public var json: JSONValue {
    [
      "code": .string(code.rawValue), "parameter": JSONValue(parameter), "source": JSONValue(source),
      "reason": .string(reason), "suggestion": JSONValue(suggestion),
    ]
  }
}

/// A plan that cannot be carried out, with every problem that it has.
public struct MappingError: LocatedError {
  public let file: String?
  public let problems: [MappingProblem]

  public var format: String? { nil }
  public var tensor: String? { nil }
  public var place: Place? { nil }
  /// The number of problems and a line for each.
  public var reason: String {
    let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
    return (["cannot map the tensors to the model: \(count)"] + problems.map { "  " + $0.description })
      .joined(separator: "\n")
  }
}
