internal import TensorFerryHDF5
internal import TensorFerryTensors

/// One HDF5 file of weights, described.
struct KerasFile {
  let inventory: HDF5Inventory
  let tensors: HDF5Tensors
  private let targets: [ExactText: HDF5Link.Target]

  /// - Parameters:
  ///   - path: where libhdf5 finds it.
  ///   - file: where its bytes are read, from `part` of it.
  ///   - voidTypes: what raw bytes hold.
  init(describing path: String, in file: SourceFile, part: Range<UInt64>? = nil, voidTypes: VoidTypes) throws {
    do {
      inventory = try HDF5Inventory(describing: path)
    } catch let error as HDF5Error {
      throw WeightFileError(.malformed, error.cause, file: file.path, underlying: error)
    }
    tensors = HDF5Tensors(file: file, part: part, format: KerasFormat.name, voidTypes: voidTypes)
    targets = Dictionary(inventory.links.map { (ExactText($0.path), $0.target) }) { first, _ in first }
  }

  /// What a path leads to over hard links alone, or nil.
  subscript(path: String) -> HDF5Link.Target? { targets[ExactText(path)] }

  /// The attributes of a group, or nil if there is no such group.
  func attributes(of path: String) -> [HDF5Attribute]? {
    if path == "/" { return inventory.attributes }
    guard case .group(_, let attributes) = self[path] else { return nil }
    return attributes
  }

  /// The link on the way to `path` that leads elsewhere, or nil if there is none.
  func obstacle(on path: String) -> StateDict.Other? {
    var prefix = ""
    for step in path.split(separator: "/") {
      prefix += "/" + step
      if let other = self[prefix]?.other(prefix) { return other }
    }
    return nil
  }

  /// True if the root of an HDF5 file looks as Keras leaves it; links to other places are not followed.
  static func recognises(_ path: String) -> Bool {
    (try? HDF5File(opening: path)).flatMap { try? isKeras($0) } ?? false
  }

  private static func isKeras(_ file: HDF5File) throws -> Bool {
    if try isListOfLayers(file) { return true }
    let groups = Set(try file.members().filter { $0.kind == .hard }.map(\.name))
    if groups.contains("model_weights"), try isListOfLayers(file.group("model_weights")) { return true }
    for list in ["layers", "_layer_checkpoint_dependencies"] where groups.contains(list) {
      if try holdsObjects(file.group(list)) { return true }
    }
    guard groups.contains("vars") else { return false }
    return try file.group("vars").hasAttribute("name") || holdsObjects(file)
  }

  private static func isListOfLayers(_ group: borrowing some HDF5Attributed & ~Copyable) throws -> Bool {
    try group.hasAttribute("layer_names") || group.hasAttribute("layer_names0")
  }

  /// True if a member has a group `vars`.
  private static func holdsObjects(_ group: borrowing some HDF5Container & ~Copyable) throws -> Bool {
    for member in try group.members() where member.kind == .hard && member.name != "vars" {
      guard let object = try? group.group(member.name) else { continue }
      guard try object.members().contains(where: { $0.name == "vars" && $0.kind == .hard }) else { continue }
      return (try? object.group("vars")) != nil
    }
    return false
  }
}
