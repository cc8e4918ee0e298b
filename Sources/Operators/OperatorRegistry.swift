/// Every operator, one line each.
public enum OperatorRegistry {
  public static let all: [any Operator.Type] = [
    Add.self,
    AttentionPooling.self,
    BatchedProduct.self,
    GELU.self,
    LayerNorm.self,
    Linear.self,
    MaskedSoftmax.self,
    MeanOverHeads.self,
    MergeHeads.self,
    ReLU.self,
    Softmax.self,
    SplitHeads.self,
    WeightedSum.self,
  ]
}
