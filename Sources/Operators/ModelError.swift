public import TensorFerryTensors

/// Why parameters or inputs do not fit a model: every problem at once.
public struct ModelError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// A size of the configuration is missing, is not a whole number, or is below 1.
    case invalidConfiguration
    /// A parameter is not given.
    case missingParameter
    /// A tensor is given that is no parameter of the model.
    case unexpectedParameter
    /// A parameter has another shape than the model declares.
    case parameterShape
    /// A parameter has an element type that does not widen to float32.
    case parameterType
    /// An input is not given.
    case missingInput
    /// A tensor is given that is no input of the model.
    case unexpectedInput
    /// An input has too few or too many dimensions.
    case inputShape
    /// An input has an element type that does not widen to float32.
    case inputType
    /// No identity makes the model cheaper, or nothing bounds what it makes of rounding.
    case notFoldable
    /// What a folded model computed is not within what rounding may do to the model's own results.
    case outsideBound
  }

  public struct Problem: Hashable, Sendable {
    public let code: Code
    /// The name of the parameter, input or configuration member.
    public let name: String
    public let reason: String

    package init(code: Code, name: String, reason: String) {
      self.code = code
      self.name = name
      self.reason = reason
    }
  }

  /// At least one.
  public let problems: [Problem]

  package init(_ problems: [Problem]) { self.problems = problems }

  package init(_ code: Code, _ reason: String, name: String) {
    self.init([Problem(code: code, name: name, reason: reason)])
  }

  public var reason: String { problems.map(\.reason).joined(separator: "; ") }
  public var tensor: String? { nil }
  public var file: String? { nil }
  public var format: String? { nil }
  public var place: Place? { nil }
}
