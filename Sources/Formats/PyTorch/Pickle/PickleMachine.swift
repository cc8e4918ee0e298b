internal import TensorFerryTensors

/// Reads a pickle, protocols 0 to 5, as data: a stack machine that makes values and never calls anything.
///
/// A name of a class or a function stays a name, and a call stays the note that it was asked for. So nothing has to be
/// forbidden; what matters is only what a tensor is made of.
struct PickleMachine {
  var reader: PickleReader
  var stack: [PickleValue] = []
  /// Sizes of the stack at the open marks.
  var marks: [Int] = []
  var memo: [PickleValue?] = []
  var objects: [PickleObject] = []
  /// The elements of all objects.
  var valueCount = 0
  /// Bytes of texts that were put together.
  var madeByteCount = 0
  /// Where the opcode that is being carried out begins.
  var start = 0

  private init(reader: PickleReader) { self.reader = reader }

  /// Reads one pickle; the reader then stands behind its STOP.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed`, or `.unsupported` for opcodes and sizes that are not read.
  static func load(_ reader: inout PickleReader) throws -> PickleGraph {
    var machine = PickleMachine(reader: reader)
    machine.start = reader.position
    let root = try machine.run()
    reader = machine.reader
    return PickleGraph(objects: machine.objects, root: root, reader: reader)
  }

  /// How much of the pickle that was read is in the file: less than was read if it is deflated.
  var stored: Int { min(start, reader.storedByteCount) }

  func error(_ reason: String, _ code: WeightFileError.Code = .malformed) -> WeightFileError {
    reader.error(reason, code, at: start)
  }

  private mutating func run() throws -> PickleValue {
    let first = reader.position
    var count = 0
    while true {
      start = reader.position
      count += 1
      guard count <= PyTorchLimits.opcodes(in: start) else {
        throw error("these are more than \(PyTorchLimits.opcodes(in: start)) opcodes, which is the limit", .unsupported)
      }
      let byte = try reader.byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        let name = PickleOpcode.refused[byte]
        throw error(
          "the opcode \(name ?? "0x" + String(byte, radix: 16)) is not \(name == nil ? "known" : "data and not read")",
          name == nil ? .malformed : .unsupported)
      }
      if opcode == .proto {
        try readProtocol(isFirst: start == first)
      } else if opcode == .stop {
        return try end()
      } else {
        try perform(opcode)
      }
    }
  }

  private mutating func readProtocol(isFirst: Bool) throws {
    let version = try reader.byte()
    guard isFirst else { throw error("the protocol is declared inside the pickle") }
    guard version <= 5 else { throw error("pickle protocol \(version) is not known, 0 to 5 are", .unsupported) }
  }

  private mutating func end() throws -> PickleValue {
    try reader.endPickle()
    let root = try pop()
    guard stack.isEmpty, marks.isEmpty else {
      throw error("\(stack.count) values and \(marks.count) marks are left on the stack at the end")
    }
    return root
  }

  private mutating func perform(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .proto, .stop: break
    case .frame: try reader.beginFrame()
    case .mark:
      try checkStack(marks.count, "marks")
      marks.append(stack.count)
    case .pop: if stack.count > marks.last ?? 0 || marks.isEmpty { _ = try pop() } else { marks.removeLast() }
    case .popMark: _ = try popMark()
    case .dup: try push(try top())

    case .get: try get(try index(of: try reader.line()))
    case .binGet: try get(Int(try reader.byte()))
    case .longBinGet: try get(Int(try reader.integer(UInt32.self)))
    case .put: try put(try index(of: try reader.line()))
    case .binPut: try put(Int(try reader.byte()))
    case .longBinPut: try put(Int(try reader.integer(UInt32.self)))
    case .memoize: try put(memo.count)

    case .emptyList: try push(.list, [])
    case .emptyTuple: try push(.tuple, [])
    case .emptyDict: try push(.dict, [])
    case .emptySet: try push(.set, [])
    case .list: try push(.list, try popMark())
    case .tuple: try push(.tuple, try popMark())
    case .frozenSet: try push(.set, try popMark())
    case .dict: try push(.dict, try pairs(try popMark()))
    case .tuple1: try push(.tuple, try pop(1))
    case .tuple2: try push(.tuple, try pop(2))
    case .tuple3: try push(.tuple, try pop(3))
    case .append: try add(try pop(1), to: .list)
    case .appends: try add(try popMark(), to: .list)
    case .addItems: try add(try popMark(), to: .set)
    case .setItem: try add(try pop(2), to: .dict)
    case .setItems: try add(try pairs(try popMark()), to: .dict)

    case .global: try push(global(try name(), try name()))
    case .stackGlobal: try pushGlobalFromStack()
    case .reduce, .newObj: try call(try pop(2))
    case .newObjEx: try call(try pop(3))
    case .build: try build()
    case .binPersID: try push(.persistent, try pop(1))

    default: try push(try scalar(opcode))
    }
  }
}
