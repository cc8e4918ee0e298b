internal import TensorFerryTensors

/// The element type of an array, as its header's `descr` says it.
struct NumPyElementType {
  let dtype: DType
  let isBigEndian: Bool

  private static let types: [(code: String, dtype: DType)] = [
    ("b1", .bool), ("u1", .u8), ("i1", .i8), ("u2", .u16), ("i2", .i16), ("u4", .u32), ("i4", .i32), ("u8", .u64),
    ("i8", .i64), ("f2", .f16), ("f4", .f32), ("f8", .f64), ("c8", .c64), ("c16", .c128),
  ]

  /// The `descr` of a type, or nil if numpy has none.
  ///
  /// - Parameter voidTypes: the types that are written as raw bytes.
  static func descr(of dtype: DType, voidTypes: VoidTypes) -> String? {
    if let code = types.first(where: { $0.dtype == dtype })?.code { return (dtype.swapWidth == 1 ? "|" : "<") + code }
    guard voidTypes.contains(dtype) else { return nil }
    // As numpy writes arrays of ml_dtypes' types.
    return "<V\(dtype.bitWidth / 8)"
  }

  /// True for arrays of texts, such as `<U12`, which are no tensors.
  static func isText(_ descr: String) -> Bool {
    guard let order = descr.utf8.first, "<>|=".utf8.contains(order) else { return false }
    let code = descr.dropFirst()
    return ["U", "S", "a"].contains(code.prefix(1)) && Int(code.dropFirst()) != nil
  }

  /// The size of raw bytes, whose type the header does not say; nil for everything else.
  static func rawByteCount(_ descr: String) -> Int? {
    guard let order = descr.first, "<|".contains(order) else { return nil }
    let code = descr.dropFirst()
    return ["V1", "V2", "f1"].contains(code) ? Int(code.dropFirst()) : nil
  }

  /// - Throws: ``WeightFileError`` with code `.unsupported` for raw bytes of a type that is not named, too.
  init(_ descr: String, voidTypes: VoidTypes, of origin: NumPyOrigin) throws {
    let order = descr.first ?? " "
    let code = String(descr.dropFirst())
    if "<>|=".contains(order), let dtype = Self.types.first(where: { $0.code == code })?.dtype,
      order != "|" || dtype.swapWidth == 1
    {
      (self.dtype, isBigEndian) = (dtype, order == ">" && dtype.swapWidth > 1)
      return
    }
    if let size = Self.rawByteCount(descr), let dtype = voidTypes[size] {
      (self.dtype, isBigEndian) = (dtype, false)
      return
    }
    throw origin.error(
      .unsupported,
      code.hasPrefix("O")
        ? "an object array is a pickle, which is not read" : "the element type '\(descr.escapedForDisplay)' is not read"
    )
  }
}
