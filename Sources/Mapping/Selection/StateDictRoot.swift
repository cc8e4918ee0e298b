internal import TensorFerryTensors

/// Finds the state dict inside a checkpoint: the prefix under which a model's parameters are.
///
/// PyTorch's wrappers put `module.` (DataParallel) and `_orig_mod.` (torch.compile) before every name, in any order
/// and number; training scripts put the state dict under a key such as `model` or `state_dict`.
struct StateDictRoot: Hashable {
  /// What stands before the parameter's name, with its last dot; empty if nothing does.
  let prefix: String
  /// How many parameters are found behind it.
  let matches: Int

  static let wrappers: Set<String> = ["module", "_orig_mod"]

  /// True if the prefix has no component but those of wrappers: what lies outside it belongs to the model too.
  var isWrapper: Bool {
    prefix.split(separator: ".").allSatisfy { Self.wrappers.contains(String($0)) }
  }

  /// The prefixes behind which at least one parameter is, best first; of equals the shortest first.
  static func candidates(of parameters: [String], in names: [String]) -> [StateDictRoot] {
    var counts: [String: Int] = [:]
    for name in names {
      for parameter in parameters where name == parameter || name.hasSuffix("." + parameter) {
        counts[String(name.dropLast(parameter.count)), default: 0] += 1
      }
    }
    let roots = counts.map { StateDictRoot(prefix: $0.key, matches: $0.value) }
    return roots.sorted { ($1.matches, $0.prefix.count, $0.prefix) < ($0.matches, $1.prefix.count, $1.prefix) }
  }
}
