/// The words that projects use in names of parameters, and what they mean.
///
/// Collected from PyTorch, Hugging Face transformers, timm, fairseq, GPT-2, Megatron, Keras, KerasHub, TensorFlow's
/// model garden, Flax and MLX. A word that is not here keeps its spelling.
enum Vocabulary {
  /// Spellings of one meaning. The first is the canonical word.
  private static let synonyms: [[String]] = [
    ["attention", "attn", "att", "atten", "mha", "mhsa", "msa", "sa", "multihead", "selfattn"],
    ["norm", "ln", "lnorm", "normalization", "normalisation", "rmsnorm", "layernorm"],
    ["query", "q", "queries", "que"], ["key", "k", "keys"], ["value", "v", "values", "val"],
    ["output", "out", "o", "outputs"], ["input", "in", "inputs"],
    ["linear", "proj", "projection", "lin", "dense", "fc", "conv1d"],
    ["ffn", "mlp", "ff", "feedforward", "pwff", "pffn"],
    ["before", "pre"], ["after", "post"],
    ["up", "expand", "expansion"], ["down", "contract", "reduce", "squeeze"],
    ["head", "classifier", "classification", "cls", "logits", "logit", "predictions", "prediction"],
    ["pool", "pooling", "pooler", "pooled", "scorer"],
    ["embedding", "embeddings", "embed", "emb", "embedder", "wte", "wpe"],
    ["final", "f", "last"],
    ["cross", "encdec", "crossattn", "xattn"],
  ]

  private static let canonicalWords: [String: String] = synonyms.reduce(into: [:]) { table, words in
    for word in words { table[word] = words[0] }
  }

  static func canonical(_ word: String) -> String { canonicalWords[word] ?? word }

  /// The last word of a name, if it says which parameter of its module the tensor is.
  static let leaves: [String: Leaf] = [
    "weight": .weight, "weights": .weight, "kernel": .weight, "w": .weight, "gamma": .weight, "scale": .weight,
    "bias": .bias, "biases": .bias, "b": .bias, "beta": .bias, "offset": .bias,
  ]

  /// Words of wrappers and containers, which tell nothing about a module.
  static let neutral: Set<String> = [
    "model", "module", "net", "network", "backbone", "encoder", "transformer", "layer", "layers", "block", "blocks",
    "linear", "self", "base", "trunk", "main", "params", "vars", "orig", "mod", "weight", "bias", "kernel",
  ]

  /// Words before a number that make it the number of a block even if there is just one.
  static let containers: Set<String> = ["layer", "layers", "block", "blocks", "h", "resblocks", "encoderblock"]

  /// Words of training state: a tensor that has one is no parameter.
  static let trainingState: Set<String> = [
    "optimizer", "optim", "adam", "adamw", "avg", "momentum", "momentums", "velocity", "velocities", "tracked",
    "rng", "scheduler", "grad", "gradient",
  ]

  /// Words that are written together, cut where people hear them: `layernorm`, `toqkv`, `outproj`.
  private static let parts: [String] = [
    "attention", "attn", "self", "multi", "head", "layer", "norm", "normalization", "query", "key", "value", "qkv",
    "proj", "projection", "linear", "dense", "output", "input", "out", "in", "feed", "forward", "mlp", "ffn", "fc",
    "encoder", "block", "pool", "final", "intermediate", "to", "up", "down", "pre", "post", "pooling", "classifier",
  ]
  private static let initials: Set<String> = ["q", "k", "v", "o", "c"]
  private static let projections: Set<String> = ["proj", "projection", "linear", "lin", "dense"]
  private static let prefixed: [String: [String]] = [
    "wq": ["w", "q"], "wk": ["w", "k"], "wv": ["w", "v"], "wo": ["w", "o"], "wqkv": ["w", "qkv"], "wi": ["w", "in"],
    "feedforward": ["ffn"], "crossattn": ["cross", "attention"], "crossattention": ["cross", "attention"],
    "selfattn": ["attention"],
  ]

  /// The words that a lowercase run of letters is made of; itself if it is not made of known ones.
  static func words(of run: String) -> [String] {
    if let known = prefixed[run] { return known }
    if canonicalWords[run] != nil || leaves[run] != nil { return run == "layernorm" ? ["layer", "norm"] : [run] }
    if let first = run.first, initials.contains(String(first)), projections.contains(String(run.dropFirst())) {
      return [String(first), String(run.dropFirst())]
    }
    guard run.utf8.count >= 4, run.utf8.count <= 40 else { return [run] }
    // fewest[i]: the shortest list of parts that makes the first i letters.
    let letters = Array(run.utf8)
    var fewest = [[String]?](repeating: nil, count: letters.count + 1)
    fewest[0] = []
    for end in 1...letters.count {
      for part in parts where part.utf8.count <= end {
        let start = end - part.utf8.count
        guard let before = fewest[start], Array(part.utf8) == Array(letters[start..<end]) else { continue }
        if before.count + 1 < fewest[end]?.count ?? .max { fewest[end] = before + [part] }
      }
    }
    return fewest[letters.count] ?? [run]
  }
}

/// Which parameter of its module a tensor is.
enum Leaf: Hashable {
  case weight, bias
  /// The name does not say: the tensor is a module of its own.
  case unknown
}
