/// What a model declares of one of its parameters: its name and its shape.
public struct ParameterSpec: Hashable, Sendable {
  /// The name in PyTorch's notation, for example `fc.weight`.
  public let name: String
  /// The shape in PyTorch's layout, for example `[out, in]` for the weight of a linear layer.
  public let shape: Shape

  public init(_ name: String, _ shape: Shape) {
    self.name = name
    self.shape = shape
  }
}
