internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// One HDF5 file of weights, described.
struct KerasFile {
  let inventory: HDF5Inventory
  let tensors: HDF5Tensors
  private let targets: [ExactText: HDF5Link.Target]

  /// - Parameters:
  ///   - path: where its metadata is read.
  ///   - file: where its bytes are read, from `part` of it.
  ///   - format: who reads it, and what raw bytes hold.
  init(describing path: String, in file: SourceFile, part: Range<UInt64>? = nil, _ format: KerasFormat) throws {
    do {
      inventory = try format.reader.inventory(of: path)
    } catch let error as HDF5Error {
      throw WeightFileError(.malformed, error.cause, file: file.path, underlying: error)
    }
    tensors = HDF5Tensors(file: file, part: part, format: KerasFormat.name, voidTypes: format.voidTypes)
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
    (try? HDF5Outline(ofRootIn: path)).flatMap { try? isKeras($0) } ?? false
  }

  private static func isKeras(_ root: HDF5Outline) throws -> Bool {
    if isListOfLayers(root) { return true }
    if let weights = try root.group("model_weights"), isListOfLayers(weights) { return true }
    for list in ["layers", "_layer_checkpoint_dependencies"] {
      if let list = try root.group(list), try holdsObjects(list) { return true }
    }
    guard let variables = try root.group("vars") else { return false }
    return try variables.attributeNames.contains("name") || holdsObjects(root)
  }

  private static func isListOfLayers(_ group: HDF5Outline) -> Bool {
    group.attributeNames.contains("layer_names") || group.attributeNames.contains("layer_names0")
  }

  /// True if a member has a group `vars`.
  private static func holdsObjects(_ group: HDF5Outline) throws -> Bool {
    for member in group.memberNames where member != "vars" {
      if let object = try? group.group(member), object.memberNames.contains("vars") {
        return (try? object.group("vars")) != nil
      }
    }
    return false
  }
}
