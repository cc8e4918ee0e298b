internal import TensorFerryMapping
public import TensorFerryOperators
public import TensorFerryTensors

/// Every model, one line each.
public enum ModelRegistry {
  public static let all: [any Model.Type] = [
    AttentionClassifier.self,
    MultiheadAttention.self,
    SelfAttention.self,
    TransformerClassifier.self,
  ]

  /// The models whose parameters come from weight files.
  public static var importable: [any ImportableModel.Type] { all.compactMap { $0 as? any ImportableModel.Type } }

  /// The model that a file names, for example `AttentionClassifier/1`, or nil.
  public static func model(_ id: String) -> (any Model.Type)? { all.first { $0.id == id } }

  /// The model of which most parameters are there: found ones count for it, missing ones against it.
  ///
  /// So a transformer is not taken for the attention that is a part of it, and a model of which one parameter is
  /// missing is still found, so that this can be said. `AttentionClassifier` if half of no other is there.
  ///
  /// - Parameters:
  ///   - names: of the tensors in a file, perhaps behind a prefix.
  ///   - options: the members of the configuration that are given.
  public static func model(for names: [String], options: JSONValue = [:]) -> any ImportableModel.Type {
    let found = NameSuffixes(names)
    func score(_ model: any ImportableModel.Type) -> Int {
      let patterns = model.patterns(for: names, options: options)
      return patterns.isEmpty ? .min : patterns.reduce(0) { $0 + (found.contains($1.name) ? 1 : -1) }
    }
    var best: any ImportableModel.Type = AttentionClassifier.self
    for model in importable where score(model) > max(0, score(best)) { best = model }
    return best
  }
}
