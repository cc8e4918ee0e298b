/// Every operator, one line each.
public enum OperatorRegistry {
  public static let all: [any Operator.Type] = [
    BatchedProduct.self,
    Linear.self,
    Softmax.self,
    WeightedSum.self,
  ]
}
