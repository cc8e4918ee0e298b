internal import TensorFerryTensors

/// One `TensorProto`, as onnx.proto has it.
struct ONNXTensor {
  private let file: SourceFile
  private(set) var name = ""
  private(set) var documentation: String?
  private var dimensions: [Int] = []
  private var dataType: UInt64?
  /// Where the elements are, in order.
  private var pieces: [(field: ONNXElementType.Field, range: Range<UInt64>)] = []
  /// Elements that stand for themselves and not in a packed field.
  private var numbers: [UInt64] = []
  private var numberField: ONNXElementType.Field?

  /// - Throws: ``WeightFileError`` if the file is not exactly one tensor.
  init(_ file: SourceFile) throws {
    self.file = file
    var fields = ProtobufFields(file, format: ONNXFormat.name)
    while let field = try fields.next() { try take(field) }
  }

  private mutating func take(_ field: ProtobufFields.Field) throws {
    switch (field.number, field.value) {
    case (1, .varint(let value)): try append(dimension: value, field)
    case (1, .bytes(let range)) where field.wireType == 2:
      // A dimension takes at least one byte.
      guard range.count <= 10 * ONNXLimits.rank else { throw tooManyDimensions(field) }
      var cursor = ByteCursor(try bytes(range), base: range.lowerBound, format: ONNXFormat.name)
      while !cursor.isAtEnd { try append(dimension: try cursor.varint(), field) }
    case (2, .varint(let value)): dataType = value
    case (4, .bytes(let range)): try append(.floats, range, field, unpacked: 5)
    case (10, .bytes(let range)): try append(.doubles, range, field, unpacked: 1)
    case (5, .varint(let value)): try append(.int32s, value, field)
    case (7, .varint(let value)): try append(.int64s, value, field)
    case (11, .varint(let value)): try append(.uint64s, value, field)
    case (5, .bytes(let range)) where field.wireType == 2: try append(.int32s, range, field)
    case (7, .bytes(let range)) where field.wireType == 2: try append(.int64s, range, field)
    case (11, .bytes(let range)) where field.wireType == 2: try append(.uint64s, range, field)
    case (9, .bytes(let range)) where field.wireType == 2:
      guard pieces.isEmpty else { throw error(.malformed, "raw_data appears beside other elements", field) }
      try append(.raw, range, field)
    case (8, .bytes(let range)) where field.wireType == 2: name = try text(range, field)
    case (12, .bytes(let range)) where field.wireType == 2: documentation = try text(range, field)
    case (3, .bytes), (6, .bytes):
      throw error(.unsupported, field.number == 3 ? "a segment of a tensor is not read" : "texts are not read", field)
    case (13, .bytes) where field.wireType == 2, (14, .varint(1)):
      throw error(.refused, "the elements lie in another file (external data)", field)
    case (14, .varint(0)): break
    // metadata_props
    case (16, .bytes) where field.wireType == 2: break
    default:
      throw error(.malformed, "field \(field.number) of wire type \(field.wireType) is none of a TensorProto", field)
    }
  }

  private mutating func append(dimension: UInt64, _ field: ProtobufFields.Field) throws {
    guard let size = Int(exactly: dimension) else {
      throw error(.malformed, "a dimension is \(Int64(bitPattern: dimension))", field)
    }
    guard dimensions.count < ONNXLimits.rank else { throw tooManyDimensions(field) }
    dimensions.append(size)
  }

  private func tooManyDimensions(_ field: ProtobufFields.Field) -> WeightFileError {
    error(.malformed, "the shape has more than \(ONNXLimits.rank) dimensions", field)
  }

  /// - Parameter unpacked: the wire type of a single element of that field, if that is bytes as well.
  private mutating func append(
    _ kind: ONNXElementType.Field, _ range: Range<UInt64>, _ field: ProtobufFields.Field, unpacked: UInt64? = nil
  ) throws {
    guard field.wireType == 2 || field.wireType == unpacked, numberField == nil, pieces.allSatisfy({ $0.field == kind })
    else { throw error(.malformed, "elements of two kinds, or of the wire type \(field.wireType)", field) }
    if let width = kind.width, range.count % width != 0 {
      throw error(.malformed, "\(range.count) bytes are no whole number of elements of \(width)", field)
    }
    if let last = pieces.last, last.range.upperBound == range.lowerBound {
      pieces[pieces.count - 1].range = last.range.lowerBound..<range.upperBound
      return
    }
    guard pieces.count < ONNXLimits.pieceCount else {
      throw error(.unsupported, "the elements lie in more than \(ONNXLimits.pieceCount) pieces", field)
    }
    pieces.append((kind, range))
  }

  private mutating func append(_ kind: ONNXElementType.Field, _ value: UInt64, _ field: ProtobufFields.Field) throws {
    guard pieces.isEmpty, numberField ?? kind == kind else {
      throw error(.malformed, "elements of two kinds", field)
    }
    guard numbers.count < ONNXLimits.pieceCount else {
      throw error(.unsupported, "the elements lie in more than \(ONNXLimits.pieceCount) pieces", field)
    }
    numberField = kind
    numbers.append(value)
  }

  /// The tensor; its elements stay in the file where they stand there as they are.
  func tensor() throws -> LazyTensor {
    guard let dataType else { throw error(.malformed, "the element type (field 2) is missing") }
    guard let type = ONNXElementType.named(dataType) else {
      let name = ONNXElementType.unread[dataType]
      throw error(
        name == nil ? .malformed : .unsupported, "the element type \(name ?? "\(dataType)") is not read")
    }
    let shape = try Shape(dimensions)
    let byteCount = try type.dtype.byteCount(of: shape.elementCount)
    let field = pieces.first?.field ?? numberField ?? type.field
    guard field == .raw || field == type.field else {
      throw error(.malformed, "\(type.dtype.rawValue) elements stand in field \(field.rawValue)")
    }
    let found = pieces.reduce(0) { $0 + UInt64($1.range.count) }
    if field == .raw || field.width != nil {
      guard found == byteCount else {
        throw error(.malformed, "\(type.dtype.rawValue) \(shape) takes \(byteCount) bytes, there are \(found)")
      }
      if pieces.count == 1 {
        return try LazyTensor(
          dtype: type.dtype, shape: shape, content: .file(file, offset: pieces[0].range.lowerBound))
      }
      return try LazyTensor(
        dtype: type.dtype, shape: shape, content: .memory(try pieces.flatMap { try bytes($0.range) }))
    }
    return try LazyTensor(
      dtype: type.dtype, shape: shape, content: .memory(try narrowed(type.dtype, count: shape.elementCount)))
  }

  /// Elements that are written as varints, each in the bytes of its type.
  private func narrowed(_ dtype: DType, count: Int) throws -> [UInt8] {
    var values = numbers
    for (_, range) in pieces {
      var cursor = ByteCursor(try bytes(range), base: range.lowerBound, format: ONNXFormat.name)
      while !cursor.isAtEnd { values.append(try cursor.varint()) }
    }
    guard values.count == count else {
      throw error(.malformed, "the shape has \(count) elements, there are \(values.count)")
    }
    let width = dtype.bitWidth / 8
    let isSigned = [.i8, .i16, .i32, .i64].contains(dtype)
    return try values.flatMap { value in
      // A negative number takes ten bytes, whatever its type.
      let kept = value << UInt64(64 - 8 * width)
      let back =
        isSigned ? UInt64(bitPattern: Int64(bitPattern: kept) >> Int64(64 - 8 * width)) : kept >> UInt64(64 - 8 * width)
      guard back == value, dtype != .bool || value < 2 else {
        throw error(.malformed, "an element is \(Int64(bitPattern: value)), which is no \(dtype.rawValue)")
      }
      return withUnsafeBytes(of: value.littleEndian) { Array($0.prefix(width)) }
    }
  }

  private func bytes(_ range: Range<UInt64>) throws -> [UInt8] {
    try file.read(at: range.lowerBound, count: range.count)
  }

  private func text(_ range: Range<UInt64>, _ field: ProtobufFields.Field) throws -> String {
    guard range.count <= ONNXLimits.textByteCount else {
      throw error(.malformed, "a text has \(range.count) bytes, the limit is \(ONNXLimits.textByteCount)", field)
    }
    var cursor = ByteCursor(try bytes(range), base: range.lowerBound, format: ONNXFormat.name)
    return try cursor.text(range.count)
  }

  private func error(
    _ code: WeightFileError.Code, _ reason: String, _ field: ProtobufFields.Field? = nil
  ) -> WeightFileError {
    WeightFileError(
      code, reason, file: file.path, format: ONNXFormat.name, tensor: name.isEmpty ? nil : name,
      place: .byte(field?.offset ?? 0))
  }
}
