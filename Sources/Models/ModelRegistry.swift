public import TensorFerryOperators

/// Every model, one line each.
public enum ModelRegistry {
  public static let all: [any Model.Type] = [
    AttentionClassifier.self,
    SelfAttention.self,
  ]

  /// The model that a file names, for example `AttentionClassifier/1`, or nil.
  public static func model(_ id: String) -> (any Model.Type)? { all.first { $0.id == id } }
}
