internal import TensorFerryTensors

/// The exact type of a metadata value: a scalar type, an array of one, or arrays in an array.
///
/// In metadata it is written `"u32"`, `"[u32]"`, or as a list of these for arrays in an array.
enum GGUFKind: Equatable {
  case scalar(GGUFValueType)
  /// An array of scalars, or an empty array of arrays.
  case array(GGUFValueType)
  case arrays([GGUFKind])

  /// The type that a value is given when nothing else is known, or nil if only JSON text can hold it.
  ///
  /// Only types that exist in JSON are given, so that reading the value back needs no note of its type.
  init?(naturalFor value: JSONValue) {
    switch value {
    case .array(let elements):
      guard let first = elements.first, case .scalar(let type)? = GGUFKind(naturalFor: first) else { return nil }
      guard elements.allSatisfy({ GGUFKind(naturalFor: $0) == .scalar(type) }) else { return nil }
      self = .array(type)
    case .bool: self = .scalar(.bool)
    case .integer: self = .scalar(.i64)
    case .unsigned: self = .scalar(.u64)
    case .number(let number):
      guard number.isFinite else { return nil }
      self = .scalar(.f64)
    case .string: self = .scalar(.str)
    case .null, .object: return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .scalar(let type): .string(type.name)
    case .array(let type): .string("[\(type.name)]")
    case .arrays(let kinds): .array(kinds.map(\.json))
    }
  }

  init?(json: JSONValue) {
    if let kinds = json.array {
      let inner = kinds.compactMap(GGUFKind.init(json:))
      guard inner.count == kinds.count else { return nil }
      self = .arrays(inner)
    } else if let text = json.string, text.hasPrefix("["), text.hasSuffix("]") {
      guard let type = GGUFValueType(name: text.dropFirst().dropLast()) else { return nil }
      self = .array(type)
    } else {
      guard let type = json.string.flatMap({ GGUFValueType(name: $0[...]) }), type != .arr else { return nil }
      self = .scalar(type)
    }
  }
}
