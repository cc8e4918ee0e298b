internal import TensorFerryTensors

/// Turns what a pickle describes into names, tensors and metadata.
///
/// Nested dicts, lists and modules become names with dots. Whatever holds no tensor becomes metadata under its name,
/// as JSON; what JSON cannot hold is listed beside the tensors.
struct PyTorchCheckpoint {
  let graph: PickleGraph
  private let tensors: PyTorchTensors
  private let storages: any PyTorchStorages
  /// Objects from which a tensor or a storage can be reached.
  private let holdsTensor: [Bool]
  /// Objects that JSON can hold with all that is in them.
  private let isPlain: [Bool]
  private(set) var state = StateDict()
  private var metadataKeys: Set<ExactText> = []
  private var visits = 0
  private var nameByteCount = 0
  private let visitLimit: Int
  private var owners: [PyTorchView: String] = [:]
  private var spans: [String: [(span: Range<Int>, name: String)]] = [:]

  /// The attribute of the outermost dict that keeps metadata of other formats.
  static let metadataAttribute = "_tensorferry_metadata"

  /// - Parameter stem: the name of a tensor that is alone in the file.
  static func read(_ graph: PickleGraph, _ storages: any PyTorchStorages, stem: String) throws -> StateDict {
    var checkpoint = PyTorchCheckpoint(graph: graph, storages: storages)
    try checkpoint.visitRoot(stem: stem)
    checkpoint.reportOverlaps()
    return checkpoint.state
  }

  private init(graph: PickleGraph, storages: any PyTorchStorages) {
    self.graph = graph
    self.storages = storages
    tensors = PyTorchTensors(graph: graph)
    holdsTensor = graph.reaches(\.isTensor)
    visitLimit = graph.objects.reduce(PyTorchLimits.visits) { $0 + PyTorchLimits.repetition * $1.elements.count }
    isPlain = graph.reaches { !$0.isPlain }.map(!)
  }

  private mutating func visitRoot(stem: String) throws {
    guard case .object(let index) = graph.root else {
      throw graph.reader.error("the file holds \(graph.root.kind), not tensors", .unsupported)
    }
    let root = graph.objects[index]
    switch root.kind {
    case .call where try tensors.answer(to: root) != nil: try visit(graph.root, stem, depth: 1)
    case .call where root.isModule: try descend(into: root, nil, depth: 0)
    case .list where isPlain[index], .tuple where isPlain[index]:
      throw graph.error("the file holds a \(root.kind.rawValue) without tensors", .unsupported, at: root)
    case .list, .tuple, .dict: try descend(into: root, nil, depth: 0)
    default:
      throw graph.error(
        "the file holds \(graph.kind(of: graph.root)), which only its own code could read; save its state_dict() instead",
        .unsupported, at: root)
    }
  }

  /// - Parameter path: the name so far.
  private mutating func visit(_ value: PickleValue, _ path: String, depth: Int) throws {
    try countVisit()
    nameByteCount += path.utf8.count
    guard nameByteCount - graph.reader.byteCount <= PyTorchLimits.nameByteCount else {
      throw graph.reader.error(
        "the names with dots have more than \(PyTorchLimits.nameByteCount) bytes above the pickle's, which is the limit",
        .unsupported)
    }
    guard case .object(let index) = value else { return try addLeaf(value, path) }
    let object = graph.objects[index]
    guard depth <= PyTorchLimits.nesting else { throw tooDeep() }
    if isPlain[index] { return try addMetadata(path, try json(value, depth: depth)) }
    switch object.kind {
    case .list, .tuple, .dict: try descend(into: object, path, depth: depth)
    case .set: list(path, "set", "a set of what metadata cannot hold", isRefused: holdsTensor[index])
    case .persistent: list(path, "storage", "a storage without a tensor is not read", isRefused: true)
    case .call:
      switch try tensors.answer(to: object) {
      case .tensor(let view, let attributes):
        try addTensor(view, path)
        if attributes { list(path, "set of attributes", "Python attributes of the tensor are not kept") }
      case .refused(let kind, let reason): list(path, kind, reason, isRefused: true)
      case nil where object.isModule: try descend(into: object, path, depth: depth)
      case nil: list(path, "object", "\(graph.kind(of: value)) is not carried out", isRefused: holdsTensor[index])
      }
    }
  }

  private mutating func countVisit() throws {
    visits += 1
    guard visits <= visitLimit else {
      throw graph.reader.error(
        "shared containers make more than \(visitLimit) values, which is the limit for this pickle", .unsupported)
    }
  }

  private func tooDeep() -> WeightFileError {
    graph.reader.error(
      "containers nest deeper than \(PyTorchLimits.nesting) levels, or one contains itself", .unsupported)
  }

  /// Visits the parts of a container or a module.
  private mutating func descend(into object: PickleObject, _ path: String?, depth: Int) throws {
    func name(_ part: String) -> String { path.map { $0 + "." + part } ?? part }
    switch object.kind {
    case .list, .tuple:
      for (index, element) in object.elements.enumerated() {
        try visit(element, name(String(index)), depth: depth + 1)
      }
    case .dict:
      try visitItems(of: object, name, depth: depth)
      if let state = object.state { try visitAttributes(state, of: object, isRoot: path == nil, name, depth: depth) }
    default:
      guard let state = object.state else { return }
      guard let attributes = graph.object(state), attributes.kind == .dict else {
        throw graph.error(
          "the state of a module is \(graph.kind(of: state)), not its attributes", .unsupported, at: object)
      }
      try visitItems(of: attributes, name, depth: depth)
    }
  }

  private mutating func visitItems(of dict: PickleObject, _ name: (String) -> String, depth: Int) throws {
    try graph.checkKeys(of: dict)
    for index in stride(from: 0, to: dict.elements.count, by: 2) {
      let (key, value) = (dict.elements[index], dict.elements[index + 1])
      guard let part = key.name else {
        let isTensor = if case .object(let index) = value { holdsTensor[index] } else { false }
        list(name("?"), "key", "\(graph.kind(of: key)) as a key of a dict makes no name", isRefused: isTensor)
        continue
      }
      try visit(value, name(part), depth: depth + 1)
    }
  }

  /// Attributes of a dict: PyTorch's `_metadata`, and our own.
  private mutating func visitAttributes(
    _ state: PickleValue, of dict: PickleObject, isRoot: Bool, _ name: (String) -> String, depth: Int
  ) throws {
    guard let attributes = graph.object(state), attributes.kind == .dict else {
      throw graph.error("the attributes of a dict are \(graph.kind(of: state)), they must be a dict", at: dict)
    }
    let ours = PickleValue.string(Self.metadataAttribute)
    guard isRoot, let index = attributes.elements.firstIndex(of: ours), index % 2 == 0,
      let kept = graph.object(attributes.elements[index + 1]), kept.kind == .dict
    else { return try visitItems(of: attributes, name, depth: depth) }
    var others = attributes
    others.elements.removeSubrange(index...index + 1)
    try visitItems(of: others, name, depth: depth)
    try visitItems(of: kept, { $0 }, depth: depth)
  }
}

extension PyTorchCheckpoint {
  private mutating func addTensor(_ view: PyTorchView, _ name: String) throws {
    do {
      if let owner = owners[view], let tensor = state[owner] {
        return try state.append(name, tensor, aliasOf: owner)
      }
      let storage = try storages.storage(view.storage)
      let tensor = try view.tensor(of: storage)
      try state.append(name, tensor)
      owners[view] = name
      let span = try view.span(in: storage.bytes.byteCount)
      if !span.isEmpty { spans[view.storage.key, default: []].append((span, name)) }
    } catch var error as WeightFileError {
      error.tensor = name
      throw error
    } catch let error as TensorError {
      throw WeightFileError(.malformed, error.reason, tensor: name, place: error.place, underlying: error)
    }
  }

  private mutating func addLeaf(_ value: PickleValue, _ path: String) throws {
    switch value {
    case .bytes(let bytes): list(path, "byte string", "\(bytes.count) bytes, which metadata cannot hold")
    case _ where value.isPlain: try addMetadata(path, try json(value, depth: 0))
    default: list(path, "value", "\(value.kind), which metadata cannot hold")
    }
  }

  private mutating func addMetadata(_ key: String, _ value: JSONValue) throws {
    guard metadataKeys.insert(ExactText(key)).inserted else {
      throw graph.reader.error("two values have the name '\(key.escapedForDisplay)'")
    }
    state.metadata.append(.init(key, value))
  }

  private mutating func list(_ name: String, _ kind: String, _ reason: String, isRefused: Bool = false) {
    state.others.append(.init(name: name, kind: kind, reason: reason, isRefused: isRefused))
  }

  /// The value as JSON.
  private mutating func json(_ value: PickleValue, depth: Int) throws -> JSONValue {
    try countVisit()
    guard depth <= PyTorchLimits.nesting else { throw tooDeep() }
    switch value {
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .bigInteger: return value.unsigned.map(JSONValue.unsigned) ?? .null
    case .float(let value): return .number(value)
    case .string(let text), .global(let text): return .string(text)
    case .none, .bytes: return .null
    case .object(let index):
      let object = graph.objects[index]
      guard object.kind == .dict else { return .array(try object.elements.map { try json($0, depth: depth + 1) }) }
      try graph.checkKeys(of: object)
      return .object(
        try stride(from: 0, to: object.elements.count, by: 2).map {
          .init(object.elements[$0].name ?? "", try json(object.elements[$0 + 1], depth: depth + 1))
        })
    }
  }

  /// Lists tensors that share some, but not all, of their bytes: each becomes a tensor of its own.
  private mutating func reportOverlaps() {
    for key in spans.keys.sorted() {
      let sorted = (spans[key] ?? []).sorted { $0.span.lowerBound < $1.span.lowerBound }
      for (before, next) in zip(sorted, sorted.dropFirst()) where next.span.lowerBound < before.span.upperBound {
        list(next.name, "partial tie", "shares bytes with '\(before.name)', but shows other elements")
      }
    }
  }
}
