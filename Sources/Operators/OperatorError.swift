public import TensorFerryTensors

/// Why an operator cannot run on operands of these shapes.
public struct OperatorError: LocatedError {
  public enum Code: String, CaseIterable, Sendable {
    /// There are too few or too many operands.
    case operandCount
    /// An operand has too few or too many dimensions.
    case rank
    /// Two dimensions that must agree do not.
    case dimensionMismatch
    /// A dimension is larger than the BLAS library can count.
    case dimensionLimit
    /// The result does not fit in memory.
    case outOfMemory
  }

  public let code: Code
  public let reason: String
  public var file: String? { nil }
  public var format: String? { nil }
  public var tensor: String? { nil }
  public var place: Place? { nil }

  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  /// The same error with the stage named in front.
  func inStage(_ name: String) -> OperatorError { OperatorError(code, "stage '\(name)': \(reason)") }
}
