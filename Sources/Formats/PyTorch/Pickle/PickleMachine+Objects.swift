internal import TensorFerryTensors

/// Opcodes that change an object or ask for a call; each looks at what it is given first.
extension PickleMachine {
  /// Keys and values in turn.
  func pairs(_ items: [PickleValue]) throws -> [PickleValue] {
    guard items.count % 2 == 0 else { throw error("\(items.count) keys and values do not make pairs") }
    return items
  }

  /// Adds elements to the object on top of the stack.
  mutating func add(_ items: [PickleValue], to kind: PickleObject.Kind) throws {
    let target = try top()
    guard case .object(let index) = target else { throw error("\(target.kind) is no \(kind.rawValue) to add to") }
    let isForeign = objects[index].kind == .call && !isTensor(index)
    guard objects[index].kind == kind || isForeign else {
      throw error("a \(name(of: index)) is no \(kind.rawValue) to add to")
    }
    if kind != .list {
      for key in kind == .dict ? stride(from: 0, to: items.count, by: 2).map({ items[$0] }) : items {
        try checkHashable(key)
      }
    }
    try countValues(items.count)
    objects[index].elements += items
  }

  private func checkHashable(_ key: PickleValue) throws {
    guard case .object(let index) = key else { return }
    switch objects[index].kind {
    case .list, .dict: throw error("a \(objects[index].kind.rawValue) cannot be a key")
    default: break
    }
  }

  private func isTensor(_ index: Int) -> Bool {
    guard let callee = objects[index].elements.first?.global else { return false }
    return PyTorchGlobal.isTensorFunction(callee)
  }

  private func name(of index: Int) -> String { isTensor(index) ? "tensor" : objects[index].kind.rawValue }

  /// BUILD: gives attributes to a dict or an instance, once.
  mutating func build() throws {
    let state = try pop()
    let target = try top()
    guard case .object(let index) = target else { throw error("\(target.kind) can have no state") }
    guard objects[index].kind == .dict || objects[index].kind == .call, !isTensor(index) else {
      throw error("a \(name(of: index)) can have no state")
    }
    guard objects[index].state == nil else { throw error("an object is given a state twice") }
    objects[index].state = state
  }

  /// One of the two lines of GLOBAL.
  mutating func name() throws -> String {
    guard let text = String(validating: try reader.line(), as: UTF8.self) else { throw error("a name is not UTF-8") }
    return text
  }

  func global(_ module: String, _ name: String) -> PickleValue {
    .global(PyTorchGlobal.canonical(module: module, name: name))
  }

  mutating func pushGlobalFromStack() throws {
    let parts = try pop(2)
    guard let module = parts[0].string, let name = parts[1].string else {
      throw error("a name is made of \(parts[0].kind) and \(parts[1].kind), it takes two strings")
    }
    try countMade(module.utf8.count + name.utf8.count)
    try push(global(module, name))
  }

  /// REDUCE, NEWOBJ, NEWOBJ_EX: notes the call; containers and bytes, which are data, are made.
  mutating func call(_ parts: [PickleValue]) throws {
    guard case .object(let index) = parts[1], objects[index].kind == .tuple else {
      throw error("the arguments of a call are \(parts[1].kind), they must be a tuple")
    }
    switch parts[0] {
    case .global(let name):
      if parts.count == 2, try construct(name, objects[index].elements) { return }
    case .object(let callee) where objects[callee].kind == .call || objects[callee].kind == .persistent: break
    default: throw error("\(parts[0].kind) is called, which is no function")
    }
    try push(.call, parts)
  }

  /// Makes the container or the bytes that a call of a builtin stands for.
  private mutating func construct(_ name: String, _ arguments: [PickleValue]) throws -> Bool {
    func elements(_ kinds: PickleObject.Kind...) -> [PickleValue]? {
      guard let first = arguments.first else { return [] }
      guard case .object(let index) = first, arguments.count == 1, kinds.contains(objects[index].kind) else {
        return nil
      }
      return objects[index].elements
    }
    switch name {
    case "collections.OrderedDict", "collections.Counter", "builtins.dict":
      if let pairs = elements(.dict) {
        try push(.dict, pairs)
      } else if let list = elements(.list) {
        try countValues(2 * list.count)
        valueCount -= 2 * list.count
        try push(.dict, try list.flatMap(pair))
      } else {
        return false
      }
    case "collections.defaultdict": try push(.dict, [])
    case "builtins.set", "builtins.frozenset":
      guard let items = elements(.list, .tuple) else { return false }
      try push(.set, items)
    case "torch.Size", "builtins.tuple", "builtins.list", "torch.jit._pickle.build_intlist",
      "torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist", "torch.jit._pickle.build_tensorlist":
      guard let items = elements(.list, .tuple) else { return false }
      try push(name == "torch.Size" || name == "builtins.tuple" ? .tuple : .list, items)
    case "torch.jit._pickle.restore_type_tag":
      guard let value = arguments.first else { return false }
      try push(value)
    case "torch.device":
      guard let kind = arguments.first?.string, arguments.count <= 2 else { return false }
      try countMade(kind.utf8.count)
      try push(.string(arguments.count == 2 ? "\(kind):\(arguments[1].int ?? 0)" : kind))
    case "_codecs.encode", "builtins.bytearray", "builtins.bytes":
      try countMade(arguments.first?.string?.utf8.count ?? 0)
      guard let bytes = bytes(arguments) else { return false }
      try push(.bytes(bytes))
    default: return false
    }
    return true
  }

  /// A pair in the list that OrderedDict took in Python 2.
  private func pair(_ value: PickleValue) throws -> [PickleValue] {
    guard case .object(let index) = value, objects[index].kind == .list || objects[index].kind == .tuple,
      objects[index].elements.count == 2
    else { throw error("an OrderedDict is made of \(value.kind), it takes pairs") }
    try checkHashable(objects[index].elements[0])
    return objects[index].elements
  }

  /// The bytes that protocols below 3 write as a call: of Latin-1 text and the name of that encoding.
  private func bytes(_ arguments: [PickleValue]) -> [UInt8]? {
    switch arguments.first {
    case nil: return []
    case .bytes(let bytes) where arguments.count == 1: return bytes
    case .string(let text):
      guard arguments.count == 2, ["latin1", "latin-1"].contains(arguments[1].string) else { return nil }
      guard text.unicodeScalars.allSatisfy({ $0.value <= 0xFF }) else { return nil }
      return text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    default: return nil
    }
  }
}
