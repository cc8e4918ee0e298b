internal import TensorFerryTensors

/// How a state dict is arranged in an HDF5 file, and what its tensors are called.
enum HDF5Layout: Equatable {
  /// `/fc.weight`: the names as they are in the state dict.
  case flatAtRoot
  /// `/state_dict/fc.weight`: the same under one group.
  case flatUnderGroup(String)
  /// `/fc/weight`: a group for every component of the name.
  case nested

  /// Keys under which people put a whole state dict, so that a single group of that name is not a module.
  static let containers: Set<String> = [
    "state_dict", "model_state_dict", "model", "model_weights", "weights", "params", "parameters", "item", "net",
  ]

  /// Finds the layout from the paths of the datasets, for example `/fc.weight`.
  init(paths: [String]) {
    let parents = Set(paths.map { Self.split($0).parent })
    let leaves = paths.map { Self.split($0).name }
    if parents.isEmpty || parents == [""] {
      self = .flatAtRoot
    } else if parents.count == 1, let parent = parents.first,
      leaves.contains(where: { $0.contains(".") }) || Self.containers.contains(Self.split(parent).name)
    {
      self = .flatUnderGroup(parent)
    } else {
      self = .nested
    }
  }

  /// The tensor's name in the state dict.
  func name(of path: String) -> String {
    switch self {
    case .flatUnderGroup(let group) where path.hasPrefix(group + "/"): String(path.dropFirst(group.count + 1))
    default: path.dropFirst().split(separator: "/").joined(separator: ".")
    }
  }

  /// As reports print it.
  var description: String {
    switch self {
    case .flatAtRoot: "flat dotted names at the root"
    case .flatUnderGroup(let group): "flat names under the group '\(group.escapedForDisplay)'"
    case .nested: "nested groups"
    }
  }

  private static func split(_ path: String) -> (parent: String, name: String) {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    return (String(path[..<slash]), String(path[slash...].dropFirst()))
  }
}
