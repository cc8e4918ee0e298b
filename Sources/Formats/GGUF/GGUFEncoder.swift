internal import TensorFerryTensors

/// Collects the bytes of a header: integers little-endian, texts behind their length.
struct GGUFEncoder {
  private(set) var bytes: [UInt8] = []

  mutating func write<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ text: some Collection<UInt8>) {
    write(UInt64(text.count))
    bytes.append(contentsOf: text)
  }

  /// Takes back what was written behind the first `count` bytes.
  mutating func truncate(to count: Int) { bytes.removeSubrange(count...) }

  /// Writes a value behind its type.
  ///
  /// - Returns: false if the value does not fit in the type; what was written of it is then to be taken back.
  mutating func write(_ value: JSONValue, as kind: GGUFKind) -> Bool {
    switch kind {
    case .scalar(let type):
      write(type.rawValue)
      return write(value, as: type)
    case .array, .arrays:
      write(GGUFValueType.arr.rawValue)
      return writeArray(value, as: kind)
    }
  }

  /// Writes an array without the type `arr` before it.
  private mutating func writeArray(_ value: JSONValue, as kind: GGUFKind) -> Bool {
    guard let values = value.array else { return false }
    switch kind {
    case .scalar: return false
    case .array(let type):
      guard type != .arr || values.isEmpty else { return false }
      write(type.rawValue)
      write(UInt64(values.count))
      return values.allSatisfy { write($0, as: type) }
    case .arrays(let kinds):
      guard kinds.count == values.count else { return false }
      write(GGUFValueType.arr.rawValue)
      write(UInt64(values.count))
      return zip(values, kinds).allSatisfy { writeArray($0, as: $1) }
    }
  }

  private mutating func write(_ value: JSONValue, as type: GGUFValueType) -> Bool {
    switch type {
    case .u8: return writeInteger(value, as: UInt8.self)
    case .i8: return writeInteger(value, as: Int8.self)
    case .u16: return writeInteger(value, as: UInt16.self)
    case .i16: return writeInteger(value, as: Int16.self)
    case .u32: return writeInteger(value, as: UInt32.self)
    case .i32: return writeInteger(value, as: Int32.self)
    case .u64: return writeInteger(value, as: UInt64.self)
    case .i64: return writeInteger(value, as: Int64.self)
    case .f32: return GGUFNumber.bits32(value).map { write($0) } != nil
    case .f64: return GGUFNumber.bits64(value).map { write($0) } != nil
    case .bool: return value.bool.map { write(UInt8($0 ? 1 : 0)) } != nil
    case .str: return GGUFText.bytes(value).map { write($0) } != nil
    case .arr: return false
    }
  }

  private mutating func writeInteger<Value: FixedWidthInteger>(_ value: JSONValue, as _: Value.Type) -> Bool {
    let exact: Value? =
      switch value {
      case .integer(let integer): Value(exactly: integer)
      case .unsigned(let integer): Value(exactly: integer)
      default: nil
      }
    return exact.map { write($0) } != nil
  }
}
