internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// The names in a file of Keras 2: the attributes `layer_names` and `weight_names` say what is a weight, and the order.
struct KerasLegacyNames {
  private(set) var variables: [KerasVariable] = []
  /// True if the layers are below `/model_weights`, beside the configuration and the optimizer.
  let isWholeModel: Bool
  private let file: KerasFile

  /// - Returns: nil if the file has no list of layers.
  init?(_ file: KerasFile) throws {
    self.file = file
    isWholeModel = !file.inventory.attributes.contains { $0.name.hasPrefix("layer_names") }
    let root = isWholeModel ? "/model_weights" : "/"
    guard let layers = try names("layer_names", of: root) else { return nil }
    var seen: Set<ExactText> = []
    for layer in layers {
      guard seen.insert(ExactText(layer)).inserted else {
        throw WeightFileError(
          .malformed, "'layer_names' has '\(layer.escapedForDisplay)' twice", place: .object(root))
      }
      let path = Self.path(root, layer)
      guard file.attributes(of: path) != nil else {
        // What cannot be reached is listed as one missing weight.
        variables.append(.init(name: Self.joined(Self.parts(layer)), path: path))
        continue
      }
      add(try names("weight_names", of: path) ?? [], of: layer, at: path)
    }
    let top = "top_level_model_weights"
    if !seen.contains(ExactText(top)) {
      for weight in try names("weight_names", of: Self.path(root, top)) ?? [] {
        variables.append(.init(name: Self.joined(Self.parts(weight)), path: Self.path(root, top, weight)))
      }
    }
    for weight in try names("weight_names", of: "/optimizer_weights") ?? [] {
      variables.append(
        .init(
          name: Self.joined(["optimizer"] + Self.parts(weight)), path: Self.path("/optimizer_weights", weight),
          state: "optimizer"))
    }
  }

  /// Names a layer's weights by the layer and by what follows it in the weights' own names.
  ///
  /// `fc/kernel:0` in `fc`, and `model/fc/kernel:0` where every weight has the same before the layer, is `fc.kernel`;
  /// `fc/kernel:0` in `encoder` is `encoder.fc.kernel`.
  private mutating func add(_ weights: [String], of layer: String, at path: String) {
    let owner = Self.parts(layer)
    let parts = weights.map(Self.parts)
    let depth = parts.first.flatMap { Self.position(of: owner, in: $0) }
    let share = depth.map { depth in
      parts.allSatisfy { Self.position(of: owner, in: $0) == depth && $0[..<depth] == parts[0][..<depth] }
    }
    for (weight, parts) in zip(weights, parts) {
      let rest = share == true ? Array(parts[((depth ?? 0) + owner.count)...]) : parts
      variables.append(.init(name: Self.joined(owner + rest), path: Self.path(path, weight)))
    }
  }

  /// Where `owner` stands in `parts` with something behind it.
  private static func position(of owner: [String], in parts: [String]) -> Int? {
    guard !owner.isEmpty, parts.count > owner.count else { return nil }
    return (0..<parts.count - owner.count).first { Array(parts[$0..<$0 + owner.count]) == owner }
  }

  /// A list of names that an attribute holds, or several that are numbered, where it is too long for one.
  private func names(_ name: String, of path: String) throws -> [String]? {
    guard let attributes = file.attributes(of: path) else { return nil }
    if let attribute = attributes.first(where: { $0.name == name }) { return try strings(attribute, of: path) }
    var chunks: [Int: HDF5Attribute] = [:]
    for attribute in attributes where attribute.name.hasPrefix(name) {
      let digits = attribute.name.dropFirst(name.count)
      if let index = Int(digits), String(index) == digits { chunks[index] = attribute }
    }
    guard !chunks.isEmpty else { return nil }
    return try (0..<chunks.count).flatMap { index in
      guard let chunk = chunks[index] else {
        throw WeightFileError(
          .malformed, "there are \(chunks.count) parts of '\(name)', but no '\(name)\(index)'", place: .object(path))
      }
      return try strings(chunk, of: path)
    }
  }

  /// An empty list has any type: h5py makes it one of float64.
  private func strings(_ attribute: HDF5Attribute, of path: String) throws -> [String] {
    switch attribute.value {
    case .strings(let list): return list
    case .null: return []
    case .integers, .unsigned, .floats:
      if attribute.value.count == 0 { return [] }
      fallthrough
    case .unsupported:
      throw WeightFileError(.malformed, "'\(attribute.name)' is not a list of texts", place: .object(path))
    }
  }

  private static func path(_ parts: String...) -> String {
    "/" + parts.flatMap { $0.split(separator: "/") }.filter { $0 != "." }.joined(separator: "/")
  }

  /// The parts of a name, without the number of TensorFlow's output.
  private static func parts(_ name: String) -> [String] {
    let colon = name.lastIndex(of: ":").flatMap { UInt64(name[name.index(after: $0)...]) == nil ? nil : $0 }
    return name[..<(colon ?? name.endIndex)].split(separator: "/").filter { $0 != "." }.map(String.init)
  }

  private static func joined(_ parts: [String]) -> String { parts.joined(separator: ".") }
}
