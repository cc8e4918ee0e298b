internal import TensorFerryTensors

/// A value that a pickle describes.
///
/// Containers live in the ``PickleGraph`` and are named by their number. So a list that is memoised first and filled
/// later is one list wherever it appears, a list that contains itself is no leak, and none is freed by a recursion
/// as deep as the file wants it.
enum PickleValue: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int64)
  /// An integer that 64 bits do not hold: two's complement, little-endian, shortest form.
  case bigInteger([UInt8])
  case float(Double)
  case string(String)
  case bytes([UInt8])
  /// A class or a function by its full name, for example `torch._utils._rebuild_tensor_v2`. It is a name only.
  case global(String)
  /// A container, a call or a storage: its place in ``PickleGraph/objects``.
  case object(Int)

  var string: String? { if case .string(let text) = self { text } else { nil } }
  var global: String? { if case .global(let name) = self { name } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var int: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }

  /// What it is, for errors.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .bigInteger: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .bytes: "bytes"
    case .global(let name): "the name '\(name.escapedForDisplay)'"
    case .object: "an object"
    }
  }
}

/// Something that a pickle makes and may change afterwards.
struct PickleObject: Sendable {
  enum Kind: String, Sendable {
    case list, tuple, set, dict
    /// A call of a global that is not carried out: the callee, the arguments, and whatever was put into the result.
    case call
    /// Something outside the pickle; in PyTorch a storage.
    case persistent
  }

  let kind: Kind
  /// Where in the pickle it was made.
  let position: Int
  /// The elements; of a dict its keys and values in turn; of a call the callee, the arguments, and what was added.
  var elements: [PickleValue]
  /// What BUILD gave it: the attributes of a dict or of an instance.
  var state: PickleValue?
}

/// All that one pickle describes.
struct PickleGraph: Sendable {
  let objects: [PickleObject]
  let root: PickleValue
  /// Where it was read from, for errors.
  let reader: PickleReader

  /// An error at the opcode that made an object.
  func error(_ reason: String, _ code: WeightFileError.Code = .malformed, at object: PickleObject) -> WeightFileError {
    reader.error(reason, code, at: object.position)
  }

  func object(_ value: PickleValue) -> PickleObject? {
    if case .object(let index) = value { objects[index] } else { nil }
  }

  /// The elements of a tuple or a list, or nil.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    guard let object = object(value), object.kind == .tuple || object.kind == .list else { return nil }
    return object.elements
  }

  /// What the value is, for errors.
  func kind(of value: PickleValue) -> String {
    guard let object = object(value) else { return value.kind }
    guard object.kind == .call else { return "a \(object.kind.rawValue)" }
    return "a call of \(object.elements[0].kind)"
  }
}

extension PickleGraph {
  /// For every object, whether one of those that `matches` names can be reached from it.
  ///
  /// It follows the references backwards, so that cycles and any depth cost no more than one look at each.
  func reaches(_ matches: (PickleObject) -> Bool) -> [Bool] {
    // The objects that refer to one, in one array for all: those of object i begin at starts[i].
    var starts = [Int32](repeating: 0, count: objects.count + 1)
    forEachReference { _, child in starts[child + 1] += 1 }
    for index in objects.indices { starts[index + 1] += starts[index] }
    var parents = [Int32](repeating: 0, count: Int(starts[objects.count]))
    var next = starts
    forEachReference { parent, child in
      parents[Int(next[child])] = Int32(parent)
      next[child] += 1
    }
    var reached = objects.map(matches)
    var queue = objects.indices.filter { reached[$0] }
    while let index = queue.popLast() {
      for parent in parents[Int(starts[index])..<Int(starts[index + 1])] where !reached[Int(parent)] {
        reached[Int(parent)] = true
        queue.append(Int(parent))
      }
    }
    return reached
  }

  private func forEachReference(_ body: (_ parent: Int, _ child: Int) -> Void) {
    for (index, object) in objects.enumerated() {
      for case .object(let child) in object.elements { body(index, child) }
      if case .object(let child)? = object.state { body(index, child) }
    }
  }
}
