internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// The names in files of Keras 3: objects with a group `vars` each, in groups named by class or attribute.
///
/// `/layers/dense_1/vars/0`, whose `vars` has the attribute `name` = `fc`, is the first variable of the layer `fc`.
struct KerasObjects {
  /// An object on the way to a variable.
  private struct Object {
    /// What it is called; nil for the model itself.
    var label: String?
    /// Its class in snake case, if it is known.
    var kind: String?
    var node: KerasConfiguration.Node?
    var state: String?
  }

  /// The variables of an object: the rest of the path behind `vars`, the file, and the dataset.
  private typealias Entry = (key: String, file: Int, path: String, dataset: HDF5DatasetDescription)

  /// The path of each object with its variables.
  private var entries: [String: [Entry]] = [:]
  /// The path of each object, with the name that the file has of it.
  private var names: [String: String?] = [:]
  private let configuration: KerasConfiguration?
  private let voidTypes: VoidTypes
  /// Where Keras 2.12 and 2.13 put the layers.
  private static let oldList = "_layer_checkpoint_dependencies"

  init(_ files: [KerasFile], _ configuration: KerasConfiguration?) {
    self.configuration = configuration
    voidTypes = files.first?.tensors.voidTypes ?? []
    for (index, file) in files.enumerated() {
      for link in file.inventory.links {
        let parts = link.path.split(separator: "/")
        switch link.target {
        case .group(_, let attributes) where parts.last == "vars":
          let path = parts.dropLast().joined(separator: "/")
          let name = attributes.first { $0.name == "name" }
          if case .strings(let texts) = name?.value, texts.count == 1 {
            names[path] = texts[0]
          } else if names[path] == nil {
            names[path] = .some(nil)
          }
        case .dataset(let dataset):
          guard let split = parts.dropLast().lastIndex(of: "vars") else { continue }
          let key = parts[(split + 1)...].joined(separator: ".")
          entries[parts[..<split].joined(separator: "/"), default: []].append((key, index, link.path, dataset))
        default: continue
        }
      }
    }
  }

  /// True if there is no group `vars`.
  var isEmpty: Bool { names.isEmpty }

  /// Every variable, in the order of the objects' paths, numbers by their value; training state last.
  func variables() -> [KerasVariable] {
    var found: [KerasVariable] = []
    for path in entries.keys.sorted(by: Self.precedes) {
      let variables = (entries[path] ?? []).sorted { Self.precedes($0.key, $1.key) }
      let (prefix, object) = resolve(path)
      let types = variables.map { variable -> DType? in
        if case .tensor(let dtype) = HDF5TensorType(of: variable.dataset, voidTypes: voidTypes) { dtype } else { nil }
      }
      let isNumbered = variables.indices.allSatisfy { variables[$0].key == String($0) }
      let known = isNumbered ? KerasClasses.variables(of: object.kind, options: object.node?.options, types) : nil
      for (index, variable) in variables.enumerated() {
        found.append(
          .init(
            name: (prefix + [known?[index] ?? variable.key]).joined(separator: "."), path: variable.path,
            file: variable.file, state: object.state))
      }
    }
    return found.filter { $0.state == nil } + found.filter { $0.state != nil }
  }

  /// The names on the way to an object, and the object.
  private func resolve(_ path: String) -> (prefix: [String], object: Object) {
    var object = Object(node: configuration?.root)
    var prefix: [String] = []
    var container: String?
    var walked = ""
    for (depth, part) in path.split(separator: "/").map(String.init).enumerated() {
      walked += (walked.isEmpty ? "" : "/") + part
      // A list or dict has no variables, and its name is not the user's.
      guard let name = names[walked] else {
        container = part
        if depth == 0, part == "metrics" {
          object.state = part
          prefix.append(part)
        }
        continue
      }
      object = child(of: object, in: container, at: part, name: name, isTop: depth == 0)
      if let label = object.label { prefix.append(label) }
      container = nil
    }
    // The model's own variables have its name before them.
    if prefix.isEmpty, let name = names[""] ?? nil { prefix = [name] }
    return (prefix, object)
  }

  private func child(of parent: Object, in container: String?, at part: String, name: String?, isTop: Bool) -> Object {
    var child = Object(state: parent.state)
    if isTop, container == nil, part == "optimizer" { return Object(label: part, state: part) }
    let direction = ["forward_layer": "forward_", "backward_layer": "backward_"][part]
    if let container {
      let list = container == Self.oldList ? "layers" : container
      child.node = parent.node?.children[list + "/" + part]
      child.kind = child.node?.kind ?? Self.stem(part)
      child.label = name ?? child.node?.name ?? part
    } else if let node = parent.node?.children[part] ?? (direction == nil ? nil : parent.node?.children["layer"]) {
      child.node = node
      child.kind = node.kind
      let prefix = direction ?? ""
      child.label = name ?? node.name.map { $0.hasPrefix(prefix) ? $0 : prefix + $0 } ?? part
    } else if let kind = KerasClasses.part(part, of: parent.kind) {
      child.node = parent.node.map { .init(kind: kind, name: nil, options: $0.options, children: [:]) }
      child.kind = kind
      child.label = name ?? (part == "cell" ? kind : part)
    } else if let name, KerasClasses.isKnown(Self.stem(name)) {
      // The layer has the name that Keras made of its class; so an attribute of the user's own names it better.
      child.kind = Self.stem(name)
      child.label = KerasClasses.attributes.contains(part) ? name : part
    } else {
      child.label = name ?? part
    }
    return child
  }

  /// The name without the number that makes it unique: `dense` of `dense_1`.
  private static func stem(_ name: String) -> String {
    guard let dash = name.lastIndex(of: "_"), UInt64(name[name.index(after: dash)...]) != nil else { return name }
    return String(name[..<dash])
  }

  /// Compares texts with the runs of digits in them as numbers.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let parts = (pieces(a), pieces(b))
    for (x, y) in zip(parts.0, parts.1) where x != y {
      if let x = UInt64(x), let y = UInt64(y), x != y { return x < y }
      return x.utf8.lexicographicallyPrecedes(y.utf8)
    }
    return parts.0.count < parts.1.count
  }

  private static func pieces(_ text: String) -> [Substring] {
    var pieces: [Substring] = []
    var rest = text[...]
    let digits = Character("0")...Character("9")
    while let first = rest.first {
      let piece = rest.prefix { digits.contains($0) == digits.contains(first) }
      pieces.append(piece)
      rest = rest[piece.endIndex...]
    }
    return pieces
  }
}
