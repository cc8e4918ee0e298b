internal import TensorFerryTensors

/// What of a pickle can be told as JSON without loss of what it says.
extension PickleValue {
  /// The text that a key of a dict becomes in a name, or nil: strings and integers only.
  var name: String? {
    switch self {
    case .string(let text): text
    case .integer(let value): String(value)
    default: nil
    }
  }

  /// An integer from 2^63 to 2^64 - 1.
  var unsigned: UInt64? {
    guard case .bigInteger(let digits) = self, digits.count == 9, digits[8] == 0 else { return nil }
    return digits.dropLast().reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// True for a value that is no object and that JSON can hold. Of names, those of element types are told as text.
  var isPlain: Bool {
    switch self {
    case .none, .bool, .integer, .float, .string: true
    case .bigInteger: unsigned != nil
    case .global(let name): PyTorchGlobal.dtype(name) != nil
    case .bytes, .object: false
    }
  }
}

extension PickleObject {
  /// True if JSON can hold it, apart from the objects in it.
  var isPlain: Bool {
    guard kind != .call, kind != .persistent, state == nil else { return false }
    for (index, element) in elements.enumerated() {
      if kind == .dict, index % 2 == 0 {
        guard element.name != nil else { return false }
      } else if case .object = element {
        continue
      } else if !element.isPlain {
        return false
      }
    }
    return true
  }

  /// True for a storage and for a call whose result is a tensor or a storage.
  var isTensor: Bool {
    guard kind == .call, let name = elements[0].global else { return kind == .persistent }
    // The latter is how storages get into pickles that torch.save did not write.
    return PyTorchGlobal.isTensorFunction(name) || name == "torch.storage._load_from_bytes"
  }

  /// True for an instance of a class of TorchScript, whose state is its attributes.
  var isModule: Bool {
    kind == .call && elements.count == 2 && elements[0].global?.hasPrefix("__torch__.") == true
  }
}

extension PickleGraph {
  /// - Throws: ``WeightFileError`` if a key appears twice, which no program writes and programs read differently.
  func checkKeys(of dict: PickleObject) throws {
    var texts: Set<ExactText> = []
    var others: Set<PickleValue> = []
    for index in stride(from: 0, to: dict.elements.count, by: 2) {
      let key = dict.elements[index]
      guard key.string.map({ texts.insert(ExactText($0)).inserted }) ?? others.insert(key).inserted else {
        throw error("the key \(key.name?.escapedForDisplay ?? kind(of: key)) appears twice", at: dict)
      }
    }
  }
}
