internal import TensorFerryTensors

/// The header of an `.npy` file: a Python dict literal with exactly the keys `descr`, `fortran_order` and `shape`.
///
/// The rules are those of `numpy/lib/format.py`; as there, a header longer than 10,000 bytes is refused.
struct NumPyHeader: Sendable {
  let dtype: DType
  let shape: Shape
  let isBigEndian: Bool
  let isFortranOrder: Bool
  let dataOffset: UInt64

  /// True if the bytes stand in the file as a tensor has them.
  var isPlain: Bool { !isBigEndian && (!isFortranOrder || shape.squeezed.count < 2) }

  static let maximumByteCount = 10_000

  static func malformed(_ reason: String, at offset: UInt64) -> WeightFileError {
    WeightFileError(.malformed, reason, format: NumPyFormat.name, place: .byte(offset))
  }

  init(_ file: SourceFile) throws {
    let start = try file.read(at: 0, count: Int(min(12, file.byteCount)))
    guard start.count >= 10, start.starts(with: NumPyFormat.magic) else {
      throw Self.malformed("the file has \(file.byteCount) bytes, the shortest header takes 10", at: 0)
    }
    let major = start[6]
    guard (1...3).contains(major) else {
      throw WeightFileError(
        .unsupported, "version \(major).\(start[7]) is not known, 1.0 to 3.0 are", format: NumPyFormat.name,
        place: .byte(6))
    }
    let lengthSize = major == 1 ? 2 : 4
    guard start.count >= 8 + lengthSize else {
      throw Self.malformed("the file ends inside the length of its header", at: file.byteCount)
    }
    let length = start[8..<8 + lengthSize].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.maximumByteCount else {
      throw Self.malformed("the header has \(length) bytes, the limit is \(Self.maximumByteCount)", at: 8)
    }
    let offset = UInt64(8 + lengthSize)
    dataOffset = offset + UInt64(length)
    let text = try file.read(at: offset, count: length)
    guard let header = String(validating: text, as: UTF8.self) else {
      throw Self.malformed("the header is not UTF-8", at: offset)
    }
    var literal = NumPyLiteral(header, offset: offset)
    let fields = try literal.parse()
    shape = try Shape(fields.shape)
    isFortranOrder = fields.fortranOrder
    (dtype, isBigEndian) = try Self.type(of: fields.descr, at: offset)
  }

  /// The element type and byte order of a `descr` such as `<f4`.
  private static func type(of descr: String, at offset: UInt64) throws -> (DType, isBigEndian: Bool) {
    let order = descr.first ?? " "
    let types: [String: DType] = [
      "b1": .bool, "u1": .u8, "i1": .i8, "u2": .u16, "i2": .i16, "u4": .u32, "i4": .i32, "u8": .u64, "i8": .i64,
      "f2": .f16, "f4": .f32, "f8": .f64, "c8": .c64, "c16": .c128,
    ]
    guard "<>|=".contains(order), let dtype = types[String(descr.dropFirst())], order != "|" || dtype.swapWidth == 1
    else {
      let reason =
        descr.contains("O")
        ? "an object array is a pickle, which is not read" : "the element type '\(descr.escapedForDisplay)' is not read"
      throw WeightFileError(.unsupported, reason, format: NumPyFormat.name, place: .byte(offset))
    }
    return (dtype, order == ">" && dtype.swapWidth > 1)
  }
}
