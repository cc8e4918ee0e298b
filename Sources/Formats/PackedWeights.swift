public import TensorFerryTensors

/// Recognises weights that only look like tensors: quantised, packed, compressed or encrypted ones, whose bytes mean
/// nothing without the program that made them.
public struct PackedWeights: Hashable, Sendable {
  /// The scheme, for example `MLX affine quantisation`.
  public let scheme: String
  /// The tensors that belong to it.
  public let names: [String]

  /// Finds the schemes in a state dict, by names, dtypes and metadata alone.
  public static func find(in state: StateDict) -> [PackedWeights] {
    var found: [(scheme: String, names: [String])] = []
    func add(_ scheme: String, _ names: [String]) {
      let present = names.filter { state[$0] != nil }
      guard !present.isEmpty else { return }
      if let index = found.firstIndex(where: { $0.scheme == scheme }) {
        found[index].names += present
      } else {
        found.append((scheme, present))
      }
    }
    let integers: Set<DType> = [.u8, .i8, .i32, .u32]
    for element in state {
      let name = element.name
      func stem(_ suffix: String) -> String? { name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil }
      if let encoding = element.tensor.encoding {
        add("\(encoding.name) blocks", [name])
      } else if let stem = stem(".scales"), let weight = state[stem + ".weight"], weight.dtype == .u32 {
        add("MLX affine quantisation", [stem + ".weight", name, stem + ".biases"])
      } else if let stem = stem("_scale_inv"), state[stem] != nil {
        add("block-scaled float8", [stem, name])
      } else if let stem = stem(".weight_packed") {
        add(
          "compressed-tensors packed weights",
          [name, stem + ".weight_scale", stem + ".weight_shape", stem + ".weight_zero_point", stem + ".weight_g_idx"])
      } else if let stem = stem(".weight_scale"), let weight = state[stem + ".weight"],
        integers.contains(weight.dtype) || weight.dtype == .f8e4m3 || weight.dtype == .f8e5m2
      {
        add("compressed-tensors scaled weights", [stem + ".weight", name, stem + ".weight_zero_point"])
      } else if let stem = stem(".qweight"), integers.contains(element.tensor.dtype) {
        add("GPTQ or AWQ packed weights", [name, stem + ".qzeros", stem + ".scales", stem + ".g_idx"])
      } else if let stem = stem(".absmax"), state[stem] != nil {
        add("bitsandbytes quantisation", [stem, name, stem + ".quant_map"])
      } else if let stem = stem(".weight_format"), state[stem + ".weight"] != nil {
        add("bitsandbytes quantisation", [stem + ".weight", stem + ".SCB", name])
      }
    }
    for (key, scheme) in [
      ("znn_compressed_vectors", "ZipNN compression"), ("__encryption__", "encryption (CryptoTensors)"),
      ("__crypto_keys__", "encryption (CryptoTensors)"),
    ] where state.metadata(key) != nil {
      add(scheme, namedTensors(in: state.metadata(key), of: state) ?? state.names)
    }
    return found.map { PackedWeights(scheme: $0.scheme, names: unique($0.names)) }
  }

  /// The tensors that a metadata value lists by name, if it is a JSON object of names or a text that holds one.
  private static func namedTensors(in value: JSONValue?, of state: StateDict) -> [String]? {
    let members = value?.members ?? value?.string.flatMap { try? JSONValue(parsing: $0).members }
    let names = members?.map(\.key).filter { state[$0] != nil } ?? []
    return names.isEmpty ? nil : names
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
