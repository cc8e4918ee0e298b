internal import TensorFerryTensors

/// Writes a pickle of protocol 2, the one that torch.save uses, from values that a state dict needs.
struct PickleWriter {
  private(set) var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]
  /// Names and texts that were written before, and their places in the memo.
  private var memo: [String: Int] = [:]

  /// Elements that are added to a dict at once, as Python has it.
  static let batch = 1000

  private mutating func write(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  private mutating func write<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func mark() { write(.mark) }
  mutating func tuple() { write(.tuple) }
  mutating func emptyTuple() { write(.emptyTuple) }
  mutating func emptyDict() { write(.emptyDict) }
  mutating func reduce() { write(.reduce) }
  mutating func build() { write(.build) }
  mutating func setItems() { write(.setItems) }
  mutating func persistentID() { write(.binPersID) }
  mutating func bool(_ value: Bool) { write(value ? .newTrue : .newFalse) }

  mutating func string(_ text: String) {
    write(.binUnicode)
    write(UInt32(text.utf8.count))
    bytes += text.utf8
  }

  /// A text that is likely to come again.
  mutating func repeatedString(_ text: String) { remembered("'" + text) { $0.string(text) } }

  mutating func global(_ module: String, _ name: String) {
    remembered("\(module) \(name)") {
      $0.write(.global)
      $0.bytes += "\(module)\n\(name)\n".utf8
    }
  }

  private mutating func remembered(_ key: String, _ body: (inout Self) -> Void) {
    if let place = memo[key] {
      write(.binGet)
      return write(UInt8(place))
    }
    body(&self)
    // Only constants of the format come here, a few dozen.
    guard memo.count <= UInt8.max else { return }
    write(.binPut)
    write(UInt8(memo.count))
    memo[key] = memo.count
  }

  mutating func integer(_ value: Int64) {
    switch value {
    case 0...0xFF:
      write(.binInt1)
      write(UInt8(value))
    case 0...0xFFFF:
      write(.binInt2)
      write(UInt16(value))
    case Int64(Int32.min)...Int64(Int32.max):
      write(.binInt)
      write(Int32(value))
    default:
      write(.long1)
      write(UInt8(8))
      write(value)
    }
  }

  mutating func integers(_ values: [Int]) {
    mark()
    for value in values { integer(Int64(value)) }
    tuple()
  }

  /// A new OrderedDict.
  mutating func orderedDict() {
    global("collections", "OrderedDict")
    emptyTuple()
    reduce()
  }

  /// Metadata, as what Python's json.loads would give.
  mutating func value(_ value: JSONValue) {
    switch value {
    case .null: write(.none)
    case .bool(let value): bool(value)
    case .integer(let value): integer(value)
    case .unsigned(let value):
      write(.long1)
      write(UInt8(9))
      write(value)
      write(UInt8(0))
    case .number(let value):
      write(.binFloat)
      write(value.bitPattern.byteSwapped)
    case .string(let text): string(text)
    case .array(let values):
      write(.emptyList)
      mark()
      for value in values { self.value(value) }
      write(.appends)
    case .object(let members):
      emptyDict()
      self.members(members)
    }
  }

  /// Adds members to the dict on top of the stack.
  mutating func members(_ members: [JSONValue.Member]) {
    mark()
    for member in members {
      string(member.key)
      value(member.value)
    }
    setItems()
  }

  mutating func stop() { write(.stop) }
}
