public import TensorFerryTensors

/// Why a list of stages is not a model: every problem at once.
public struct GraphError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// Two inputs, two parameters or two stages have the same name.
    case duplicateName
    /// A stage takes a value that does not exist.
    case undefinedOperand
    /// A stage takes the result of itself or of a stage that runs after it.
    case laterOperand
    /// No stage takes an input.
    case unusedInput
    /// No stage takes a parameter.
    case unusedParameter
    /// The output is not a stage.
    case undefinedOutput
  }

  public struct Problem: Hashable, Sendable {
    public let code: Code
    public let reason: String

    init(_ code: Code, _ reason: String) {
      self.code = code
      self.reason = reason
    }
  }

  /// At least one.
  public let problems: [Problem]

  init(_ problems: [Problem]) { self.problems = problems }

  public var reason: String { problems.map(\.reason).joined(separator: "; ") }
  public var file: String? { nil }
  public var format: String? { nil }
  public var tensor: String? { nil }
  public var place: Place? { nil }
}
