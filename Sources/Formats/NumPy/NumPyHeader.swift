internal import TensorFerryTensors

/// The header of an array: a Python dict literal with exactly the keys `descr`, `fortran_order` and `shape`.
///
/// The rules are those of `numpy/lib/format.py`; as there, a header longer than 10,000 bytes is refused.
struct NumPyHeader {
  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  let descr: String
  let isFortranOrder: Bool
  let shape: Shape
  /// The size of everything before the data.
  let byteCount: Int

  /// - Parameter prefix: gives that many bytes from the start, or all if there are fewer.
  init(of origin: NumPyOrigin, prefix: (Int) throws -> [UInt8]) throws {
    // Most headers take 128 bytes.
    var start = try prefix(128)
    guard start.count >= 10 else {
      throw origin.malformed("the array has \(start.count) bytes, the shortest header takes 10")
    }
    guard start.starts(with: Self.magic) else { throw origin.malformed("the array does not begin as numpy writes it") }
    let major = start[6]
    guard (1...3).contains(major), start[7] == 0 else {
      throw origin.error(.unsupported, "version \(major).\(start[7]) is not known, 1.0 to 3.0 are", at: 6)
    }
    let textOffset = major == 1 ? 10 : 12
    guard start.count >= textOffset else { throw origin.malformed("the length of the header is cut off", at: 8) }
    let length = start[8..<textOffset].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= NumPyLimits.headerByteCount else {
      throw origin.malformed("the header has \(length) bytes, the limit is \(NumPyLimits.headerByteCount)", at: 8)
    }
    byteCount = textOffset + length
    if start.count < byteCount { start = try prefix(byteCount) }
    guard start.count >= byteCount else {
      throw origin.malformed("the header ends at byte \(byteCount), the array at byte \(start.count)", at: 8)
    }
    var literal = NumPyLiteral(Array(start[textOffset..<byteCount]), at: UInt64(textOffset), of: origin)
    let fields = try literal.parse()
    descr = fields.descr
    isFortranOrder = fields.fortranOrder
    shape = try Shape(fields.shape)
  }

  /// What follows the header.
  enum Content {
    case tensor(LazyTensor)
    /// Raw bytes of a type that neither the file nor its reader says, for the reason given in words.
    case ambiguous(reason: String)
  }

  /// The tensor that follows the header.
  ///
  /// - Parameter bytes: gives the bytes behind the header as a tensor of that type and shape.
  func tensor(
    of origin: NumPyOrigin, voidTypes: VoidTypes, bytes: (DType, Shape) throws -> LazyTensor
  ) throws -> Content {
    if let size = NumPyElementType.rawByteCount(descr), voidTypes[size] == nil {
      return .ambiguous(reason: VoidTypes.ambiguity(size))
    }
    let type = try NumPyElementType(descr, voidTypes: voidTypes, of: origin)
    let count = try type.dtype.byteCount(of: shape.elementCount)
    guard count <= Int.max - byteCount, UInt64(byteCount + count) == origin.byteCount else {
      throw origin.malformed(
        "\(type.dtype.rawValue) \(shape) takes \(count) bytes, \(origin.byteCount - UInt64(byteCount)) follow the header",
        at: UInt64(byteCount))
    }
    let isTransposed = isFortranOrder && shape.squeezed.count > 1
    guard count > 0, isTransposed || type.isBigEndian else { return .tensor(try bytes(type.dtype, shape)) }
    let range = try StridedRange(
      bytes(.u8, Shape([count])), shape: shape,
      strides: isTransposed ? shape.reversed.rowStrides.reversed() : shape.rowStrides,
      width: type.dtype.bitWidth / 8, swapWidth: type.isBigEndian ? type.dtype.swapWidth : 1)
    return .tensor(try LazyTensor(dtype: type.dtype, shape: shape, content: .reader(range)))
  }

  /// The header that numpy itself writes for a row-major array.
  static func bytes(descr: String, shape: Shape) -> [UInt8] {
    let dimensions = shape.dimensions.map(String.init)
    let tuple = dimensions.count == 1 ? "(\(dimensions[0]),)" : "(\(dimensions.joined(separator: ", ")))"
    let spare = dimensions.first.map { NumPyLimits.dimensionDigits - $0.count } ?? 0
    let text =
      "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(tuple), }" + String(repeating: " ", count: spare)
    // Magic, version and length take 10 bytes, the line feed one; at least one space stands before it.
    let padding = 64 - (10 + text.utf8.count + 1) % 64
    let length = UInt16(text.utf8.count + padding + 1)
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + text.utf8
      + [UInt8](repeating: 0x20, count: padding) + [0x0A]
  }
}

extension Shape {
  /// For each axis, how many elements lie between neighbours in row-major order.
  fileprivate var rowStrides: [Int] {
    var strides: [Int] = []
    var stride = 1
    for dimension in dimensions.reversed() {
      strides.append(stride)
      // The product fits, because `Shape` counts a dimension of 0 as 1.
      stride *= max(dimension, 1)
    }
    return strides.reversed()
  }
}
