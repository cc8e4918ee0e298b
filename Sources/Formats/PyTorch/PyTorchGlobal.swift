internal import TensorFerryTensors

/// The names of Python classes and functions that mean something here.
enum PyTorchGlobal {
  /// The full name, with modules that moved under their present name.
  static func canonical(module: String, name: String) -> String {
    let moved = ["__builtin__": "builtins", "copy_reg": "copyreg", "torch.tensor": "torch._tensor"]
    return "\(moved[module] ?? module).\(name)"
  }

  /// True for functions whose result is a tensor, so that nothing may be added to it.
  static func isTensorFunction(_ name: String) -> Bool {
    name.hasPrefix("torch._utils._rebuild_") || name.hasPrefix("torch._tensor._rebuild_")
  }

  /// What a storage class holds; a storage without a type holds bytes.
  static func storageType(_ name: String) -> StorageType? {
    for module in ["torch.cuda.", "torch.storage.", "torch."] where name.hasPrefix(module) {
      return storageTypes[String(name.dropFirst(module.count))]
    }
    return nil
  }

  /// The element type of a `torch.dtype`.
  static func dtype(_ name: String) -> DType? {
    name.hasPrefix("torch.") ? dtypes[String(name.dropFirst(6))] : nil
  }

  enum StorageType: Hashable, Sendable {
    case of(DType)
    /// Bytes; `_rebuild_tensor_v3` says what they are.
    case untyped
    /// Elements of that many bytes that are not read.
    case unsupported(String, width: Int)

    var width: Int {
      switch self {
      case .of(let dtype): dtype.bitWidth / 8
      case .untyped: 1
      case .unsupported(_, let width): width
      }
    }
  }

  private static let storageTypes: [String: StorageType] = [
    "DoubleStorage": .of(.f64), "FloatStorage": .of(.f32), "HalfStorage": .of(.f16), "BFloat16Storage": .of(.bf16),
    "LongStorage": .of(.i64), "IntStorage": .of(.i32), "ShortStorage": .of(.i16), "CharStorage": .of(.i8),
    "ByteStorage": .of(.u8), "BoolStorage": .of(.bool), "ComplexDoubleStorage": .of(.c128),
    "ComplexFloatStorage": .of(.c64), "UntypedStorage": .untyped,
    "QInt8Storage": .unsupported("qint8", width: 1), "QUInt8Storage": .unsupported("quint8", width: 1),
    "QInt32Storage": .unsupported("qint32", width: 4), "QUInt4x2Storage": .unsupported("quint4x2", width: 1),
    "QUInt2x4Storage": .unsupported("quint2x4", width: 1),
  ]

  /// Names of storage classes that are written, by element type; all newer types are bytes and a dtype.
  static let storageNames: [DType: String] = Dictionary(
    uniqueKeysWithValues: storageTypes.compactMap { name, type in
      if case .of(let dtype) = type { (dtype, name) } else { nil }
    })

  private static let dtypes: [String: DType] = Dictionary(uniqueKeysWithValues: dtypeNames.map { ($1, $0) })

  /// The name below `torch.` of each element type that PyTorch has.
  static let dtypeNames: [DType: String] = [
    .bool: "bool", .u8: "uint8", .i8: "int8", .i16: "int16", .u16: "uint16", .i32: "int32", .u32: "uint32",
    .i64: "int64", .u64: "uint64", .f16: "float16", .bf16: "bfloat16", .f32: "float32", .f64: "float64",
    .c64: "complex64", .c128: "complex128", .f8e4m3: "float8_e4m3fn", .f8e5m2: "float8_e5m2",
    .f8e8m0: "float8_e8m0fnu", .f8e4m3fnuz: "float8_e4m3fnuz", .f8e5m2fnuz: "float8_e5m2fnuz",
    .f4: "float4_e2m1fn_x2",
  ]
}
