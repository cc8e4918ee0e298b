internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// How a state dict is arranged in an HDF5 file, and what its tensors are called.
struct HDF5Layout: Equatable {
  enum Kind: Equatable {
    /// `/fc.weight`: the names as they are in the state dict.
    case flatAtRoot
    /// `/state_dict/fc.weight`: the same under one group.
    case flatUnderGroup(String)
    /// `/fc/weight`: a group for every component of the name.
    case nested
    /// `/model/...` with each tensor's name in an attribute, and the optimizer as a pickle, as PyTorch-BigGraph has it.
    case namedByAttribute
    /// `/a%2Fb`: percent-encoded names at the root and the kind of each value in an attribute, as Cerebras has it.
    case percentEncoded
  }

  /// Keys under which people put a whole state dict, so that a single group of that name is not a module.
  static let containers: Set<String> = [
    "state_dict", "model_state_dict", "model", "model_weights", "weights", "params", "parameters", "item", "net",
  ]
  /// The attribute that has a tensor's name, in PyTorch-BigGraph's files.
  static let nameAttribute = "state_dict_key"
  /// The attribute that says what a dataset is, in Cerebras' files.
  static let kindAttribute = "__H5_TYPE__"
  /// Where PyTorch-BigGraph puts the pickle of its optimizer.
  static let optimizerPath = "/optimizer/state_dict"

  let kind: Kind
  /// True if `+` stands where a nested file has a slash.
  let joinsByPlus: Bool
  /// The names that differ from what the path alone says.
  private let names: [ExactText: String]
  /// The dataset that lists the state dict's keys, and the paths of these.
  let keyList: KeyList?

  struct KeyList: Equatable {
    let path: String
    let paths: [String]
    let listed: Set<ExactText>
  }

  /// - Parameter isTensor: whether a dataset is one, or would be if its type were known.
  /// - Throws: ``WeightFileError`` with code `.unsupported` for a version of PyTorch-BigGraph's format that is unknown.
  init(of inventory: HDF5Inventory, isTensor: (HDF5DatasetDescription) -> Bool) throws {
    let datasets = inventory.datasets
    let tensors = datasets.filter { isTensor($0.dataset) }.map(\.path)
    if datasets.contains(where: { $0.dataset.text(of: Self.kindAttribute) != nil }) {
      (kind, joinsByPlus, names, keyList) = (.percentEncoded, false, [:], nil)
    } else if try Self.isBigGraph(inventory, datasets) {
      (kind, joinsByPlus, names, keyList) = (.namedByAttribute, false, Self.names(of: datasets), nil)
    } else {
      let found = Self.kind(of: tensors)
      keyList = Self.keyList(in: inventory, datasets, found, tensors: Set(tensors.map { ExactText($0) }))
      // What a list of keys does not name, says nothing of how the state dict is arranged.
      let paths = keyList?.paths ?? tensors
      (kind, names) = (keyList == nil ? found : Self.kind(of: paths), [:])
      joinsByPlus = kind != .nested && Self.joinsByPlus(paths.map { Self.split($0).name })
    }
  }

  private static func kind(of paths: [String]) -> Kind {
    let parts = paths.map(split)
    let parents = Set(parts.map(\.parent))
    if parents.isEmpty || parents == [""] { return .flatAtRoot }
    if parents.count == 1, let parent = parents.first,
      parts.contains(where: { $0.name.utf8.contains(UInt8(ascii: ".")) }) || containers.contains(split(parent).name)
    {
      return .flatUnderGroup(parent)
    }
    return .nested
  }

  /// The tensor's name in the state dict.
  func name(of path: String) -> String {
    if let name = names[ExactText(path)] { return name }
    switch kind {
    case .percentEncoded: return String(path.dropFirst()).removingPercentCodes
    case .flatUnderGroup(let group) where path.hasPrefix(group + "/"):
      return dotted(String(path.dropFirst(group.count + 1)))
    case .flatAtRoot, .flatUnderGroup, .nested, .namedByAttribute:
      return dotted(path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.joined(separator: "."))
    }
  }

  private func dotted(_ name: String) -> String { joinsByPlus ? name.replacing("+", with: ".") : name }

  /// The links in the order of the state dict, without the list of its keys.
  func ordered(_ links: [HDF5Link]) -> [HDF5Link] {
    guard let keyList else { return links }
    let byPath = Dictionary(links.map { (ExactText($0.path), $0) }) { first, _ in first }
    let rest = links.filter { $0.path != keyList.path && !keyList.listed.contains(ExactText($0.path)) }
    return keyList.paths.compactMap { byPath[ExactText($0)] } + rest
  }

  /// True unless the file lists its keys, and this is none of them.
  func holds(_ path: String) -> Bool { keyList?.listed.contains(ExactText(path)) ?? true }

  /// As reports print it.
  var description: String {
    var text =
      switch kind {
      case .flatAtRoot: joinsByPlus ? "flat names at the root" : "flat dotted names at the root"
      case .flatUnderGroup(let group): "flat names under the group '\(group.escapedForDisplay)'"
      case .nested: "nested groups"
      case .namedByAttribute: "names in the attribute '\(Self.nameAttribute)' (PyTorch-BigGraph)"
      case .percentEncoded: "percent-encoded names at the root (Cerebras)"
      }
    if joinsByPlus { text += ", '+' read as the separator" }
    if let keyList { text += ", in the order of '\(keyList.path.escapedForDisplay)'" }
    return text
  }

  static func split(_ path: String) -> (parent: String, name: String) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
    return (String(path[..<slash]), String(path.utf8[slash...].dropFirst()) ?? "")
  }
}

extension HDF5Inventory {
  /// The datasets under each of their names, in order.
  var datasets: [(path: String, dataset: HDF5DatasetDescription)] {
    links.compactMap { link in
      if case .dataset(let dataset) = link.target { (link.path, dataset) } else { nil }
    }
  }
}
