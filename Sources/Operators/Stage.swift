/// A named operator over named operands; it has one result, which bears the stage's name.
public struct Stage: Sendable {
  public let name: String
  public let operation: any Operator
  public let operands: [ValueName]

  public init(_ name: String, _ operation: any Operator, _ operands: ValueName...) {
    self.init(name, operation, operands)
  }

  public init(_ name: String, _ operation: any Operator, _ operands: [ValueName]) {
    self.name = name
    self.operation = operation
    self.operands = operands
  }
}
