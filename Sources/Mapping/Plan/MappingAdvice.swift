internal import TensorFerryTensors

/// What to do about a name that was not found, from the names that are there.
enum MappingAdvice {
  /// For a name that no tensor has.
  static func onMissing(_ name: String, in names: [String]) -> String? {
    if let behind = names.first(where: { $0.hasSuffix("." + name) }) {
      let prefix = String(behind.dropLast(name.count))
      return "'\(behind.escapedForDisplay)' is there: take off '\(prefix.escapedForDisplay)' with strip_prefix or key"
    }
    return NearestName.of(name, among: names).map { "did you mean '\($0.escapedForDisplay)'?" }
  }

  /// For a pattern that no tensor matches: a prefix that is missing or too much, or the nearest name.
  static func onUnmatched(_ pattern: NamePattern, in names: [String]) -> String? {
    guard let longer = try? NamePattern("{prefix...}." + pattern.description) else { return nil }
    let behind = names.compactMap { longer.match($0)?["prefix"] }
    if let prefix = behind.first {
      let count = behind.count { $0 == prefix }
      return "with the prefix '\(prefix.escapedForDisplay).' it would match \(count) of \(names.count)"
    }
    return NearestName.of(pattern.description, among: names).map { "the nearest name is '\($0.escapedForDisplay)'" }
  }

  /// For a tensor that no rule takes: the arrangement that it belongs to, if its name tells.
  static func onUnconsumed(_ name: String, among names: [String]) -> String {
    arrangement(of: name, among: names) ?? "add a rule for it, or drop: '\(name.escapedForDisplay)'"
  }

  /// The arrangements that frameworks are known for, by their names.
  static func arrangement(of name: String, among names: [String]) -> String? {
    func rest(_ suffix: String) -> String? { name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil }
    func folded(_ stem: String, _ g: String, _ v: String) -> String? {
      names.contains(stem + g) && names.contains(stem + v)
        ? "it is a weight norm: {to: \(stem)weight, from: [\(stem)\(g), \(stem)\(v)], apply: weight_norm}" : nil
    }
    let stem = { (suffix: String) in rest(suffix) }
    if let base = stem("weight_g") ?? stem("weight_v") { return folded(base, "weight_g", "weight_v") }
    let (original0, original1) = ("parametrizations.weight.original0", "parametrizations.weight.original1")
    if let base = stem(original0) ?? stem(original1) { return folded(base, original0, original1) }
    for kind in ["weight", "bias"] {
      if let base = rest("in_proj_" + kind) {
        let parts = ["q", "k", "v"].map { "\(base)\($0)_proj.\(kind)" }.joined(separator: ", ")
        return "it is q, k and v stacked: {to: [\(parts)], from: \(name), apply: {split: {axis: 0, parts: 3}}}"
      }
    }
    if let base = rest("kernel") {
      return "this looks like a Keras kernel: {to: \(base)weight, from: \(name), apply: transpose}"
    }
    if name.hasSuffix("num_batches_tracked") { return "a counter of the training: drop: '**.num_batches_tracked'" }
    return nil
  }
}
