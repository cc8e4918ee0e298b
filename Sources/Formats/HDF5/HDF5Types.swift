internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

extension DType {
  /// The HDF5 type that holds it, or nil if none does.
  var hdf5: HDF5ElementType? {
    switch self {
    case .bool: .bool
    case .u8: .integer(bits: 8, isSigned: false)
    case .i8: .integer(bits: 8, isSigned: true)
    case .u16: .integer(bits: 16, isSigned: false)
    case .i16: .integer(bits: 16, isSigned: true)
    case .u32: .integer(bits: 32, isSigned: false)
    case .i32: .integer(bits: 32, isSigned: true)
    case .u64: .integer(bits: 64, isSigned: false)
    case .i64: .integer(bits: 64, isSigned: true)
    case .f16: .float16
    case .bf16: .bfloat16
    case .f32: .float32
    case .f64: .float64
    case .c64: .complex64
    case .c128: .complex128
    case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: .integer(bits: 8, isSigned: false)
    case .f4, .f6e2m3, .f6e3m2, .block: nil
    }
  }
}

extension HDF5ElementType {
  /// The element type as a tensor has it, by the HDF5 type alone; nil if no tensor has it.
  var dtype: DType? { Self.dtypes[self] }

  private static let dtypes = Dictionary(
    DType.allCases.filter { !DType.taggedBytes.contains($0) }.map { ($0.hdf5, $0) },
    uniquingKeysWith: { first, _ in first })

  /// What a dataset of this type is, if it is not a tensor.
  var kind: String {
    switch self {
    case .string: "string"
    case .opaque: "opaque"
    default: "dataset"
    }
  }

  /// Why it is not a tensor.
  var refusal: String {
    switch self {
    case .string: "strings are not numbers"
    case .opaque(let size, let tag):
      "\(size) opaque bytes an element\(tag.isEmpty ? "" : ", tag '\(tag)'"): the element type is not known"
    case .unsupported(let name): "the element type \(name) is not read"
    default: "the element type is not read"
    }
  }
}

extension HDF5Attribute {
  /// The attribute as a member of the metadata: a scalar as a value, everything else as an array.
  var member: JSONValue.Member {
    let values: [JSONValue]
    switch value {
    case .integers(let list): values = list.map { .integer($0) }
    case .unsigned(let list): values = list.map { JSONValue($0) }
    case .floats(let list): values = list.map { .number($0) }
    case .strings(let list): values = list.map { .string($0) }
    case .null: return .init(name, nil)
    case .unsupported(let reason): return .init(name, ["unsupported": .string(reason)])
    }
    return .init(name, dimensions.isEmpty ? values.first ?? nil : .array(values))
  }
}
