internal import TensorFerryTensors

/// Finds out which tensor a call in a pickle stands for.
struct PyTorchTensors {
  let graph: PickleGraph

  enum Answer {
    /// `attributes` is true if Python attributes were stored with it.
    case tensor(PyTorchView, attributes: Bool)
    /// A tensor of a kind that is not read.
    case refused(kind: String, reason: String)
  }

  /// The tensor, or nil if the call makes none.
  ///
  /// - Throws: ``WeightFileError`` if the call is not one that torch.save writes.
  func answer(to call: PickleObject) throws -> Answer? {
    guard call.kind == .call, let name = call.elements[0].global, PyTorchGlobal.isTensorFunction(name),
      call.elements.count == 2, let arguments = graph.sequence(call.elements[1])
    else { return nil }
    return try answer(name, arguments, of: call, depth: 0)
  }

  private func answer(_ name: String, _ arguments: [PickleValue], of call: PickleObject, depth: Int) throws -> Answer {
    func need(_ counts: ClosedRange<Int>) throws {
      guard counts.contains(arguments.count) else {
        throw graph.error("\(name) has \(arguments.count) arguments, it takes \(counts)", at: call)
      }
    }
    guard depth < 8 else { throw graph.error("a tensor is wrapped more than 8 times", at: call) }
    switch name {
    case "torch._utils._rebuild_tensor":
      try need(4...4)
      return try view(arguments, dtype: nil, marks: nil, of: call)
    case "torch._utils._rebuild_tensor_v2":
      try need(6...7)
      return try view(arguments, dtype: nil, marks: arguments.count == 7 ? arguments[6] : nil, of: call)
    case "torch._utils._rebuild_tensor_v3":
      try need(7...8)
      return try view(arguments, dtype: arguments[6], marks: arguments.count == 8 ? arguments[7] : nil, of: call)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      try need(name.hasSuffix("state") ? 4...4 : 3...3)
      return try wrapped(arguments[0], hasState: arguments.count == 4, of: call, depth: depth)
    case "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type":
      try need(4...4)
      return try typed(arguments, of: call, depth: depth)
    default:
      let kind = Self.kinds[String(name.split(separator: ".").last ?? "")] ?? "tensor"
      return .refused(kind: kind, reason: "a tensor made by \(name.escapedForDisplay) is not read")
    }
  }

  private static let kinds = [
    "_rebuild_qtensor": "quantised tensor", "_rebuild_sparse_tensor": "sparse tensor",
    "_rebuild_sparse_csr_tensor": "sparse tensor", "_rebuild_nested_tensor": "nested tensor",
    "_rebuild_meta_tensor_no_storage": "meta tensor", "_rebuild_wrapper_subclass": "tensor subclass",
    "_rebuild_device_tensor_from_numpy": "tensor made from a NumPy array",
    "_rebuild_device_tensor_from_cpu_tensor": "tensor of another device",
  ]

  /// A parameter around a tensor.
  private func wrapped(_ value: PickleValue, hasState: Bool, of call: PickleObject, depth: Int) throws -> Answer {
    guard let inner = graph.object(value), inner.kind == .call, let name = inner.elements[0].global,
      PyTorchGlobal.isTensorFunction(name), let arguments = graph.sequence(inner.elements[1])
    else { throw graph.error("a parameter is made of \(graph.kind(of: value)), it must be a tensor", at: call) }
    let answer = try answer(name, arguments, of: inner, depth: depth + 1)
    if hasState, case .tensor(let view, _) = answer { return .tensor(view, attributes: true) }
    return answer
  }

  /// `(function, class, arguments, attributes)`, for subclasses and for tensors with attributes.
  private func typed(_ arguments: [PickleValue], of call: PickleObject, depth: Int) throws -> Answer {
    guard let function = arguments[0].global, let type = arguments[1].global, let inner = graph.sequence(arguments[2])
    else { throw graph.error("a tensor of a class is not made of a function, a class and arguments", at: call) }
    let known = ["torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"]
    guard known.contains(type), PyTorchGlobal.isTensorFunction(function) else {
      return .refused(kind: "tensor subclass", reason: "a tensor of the class \(type.escapedForDisplay) is not read")
    }
    let answer = try answer(function, inner, of: call, depth: depth + 1)
    if case .tensor(let view, _) = answer { return .tensor(view, attributes: true) }
    return answer
  }

  private func view(
    _ arguments: [PickleValue], dtype: PickleValue?, marks: PickleValue?, of call: PickleObject
  ) throws -> Answer {
    func malformed(_ reason: String) -> WeightFileError { graph.error(reason, at: call) }
    guard let object = graph.object(arguments[0]), object.kind == .persistent else {
      throw malformed("a tensor has \(graph.kind(of: arguments[0])) in the place of its storage")
    }
    let storage = try PyTorchStorageID(object, in: graph)
    guard let offset = arguments[1].int else {
      throw malformed("the offset of a tensor is \(graph.kind(of: arguments[1])), it must be an integer")
    }
    let sizes = try integers(arguments[2], of: call)
    let strides = try integers(arguments[3], of: call)
    switch try elementType(of: storage, declared: dtype, call) {
    case .unsupported(let name, _):
      return .refused(kind: "tensor", reason: "a tensor of \(name.escapedForDisplay) is not read")
    case .untyped: return .refused(kind: "tensor", reason: "a tensor without an element type is not read")
    case .of(let dtype):
      let start = (storage.part?.lowerBound ?? 0).addingReportingOverflow(offset)
      guard !start.overflow else { throw malformed("the offset \(offset) of a tensor exceeds 2^63") }
      var view = PyTorchView(
        storage: storage, dtype: dtype, offset: start.partialValue, sizes: sizes,
        strides: strides.enumerated().map { $0 < sizes.count && sizes[$0] <= 1 && $1 >= 0 ? 0 : $1 })
      (view.isConjugated, view.isNegated) = try self.marks(marks, of: call)
      return .tensor(view, attributes: false)
    }
  }

  /// The type that `_rebuild_tensor_v3` declares, or that of the storage. Both together must agree.
  private func elementType(
    of storage: PyTorchStorageID, declared: PickleValue?, _ call: PickleObject
  ) throws -> PyTorchGlobal.StorageType {
    guard let declared else { return storage.type == .untyped ? .of(.u8) : storage.type }
    guard let name = declared.global, name.hasPrefix("torch.") else {
      throw graph.error("\(declared.kind) is no element type", at: call)
    }
    guard let dtype = PyTorchGlobal.dtype(name) else { return .unsupported(name, width: 1) }
    guard storage.type == .untyped || storage.type == .of(dtype) else {
      throw graph.error("a tensor of \(name) lies in a storage of another type", at: call)
    }
    return .of(dtype)
  }

  private func integers(_ value: PickleValue, of call: PickleObject) throws -> [Int] {
    let values = graph.sequence(value)?.map(\.int)
    guard let values, !values.contains(nil) else {
      throw graph.error("sizes or strides are \(graph.kind(of: value)), they must be a tuple of integers", at: call)
    }
    return values.compactMap { $0 }
  }

  /// The marks for conjugated and negated tensors: a dict of bools.
  private func marks(_ value: PickleValue?, of call: PickleObject) throws -> (conjugated: Bool, negated: Bool) {
    guard let value, value != .none else { return (false, false) }
    guard let object = graph.object(value), object.kind == .dict else {
      throw graph.error("the marks of a tensor are \(graph.kind(of: value)), they must be a dict", at: call)
    }
    var marks = (conjugated: false, negated: false)
    for index in stride(from: 0, to: object.elements.count, by: 2) {
      switch (object.elements[index], object.elements[index + 1].bool) {
      case (.string("conj"), let value?): marks.conjugated = value
      case (.string("neg"), let value?): marks.negated = value
      default:
        throw graph.error("a tensor has the unknown mark \(object.elements[index].kind)", .unsupported, at: call)
      }
    }
    return marks
  }
}
