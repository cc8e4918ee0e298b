internal import TensorFerryTensors

/// The element types of `TensorProto.DataType`, and the field that holds the elements where `raw_data` does not.
enum ONNXElementType {
  /// A field of `TensorProto` that holds elements.
  enum Field: UInt64 {
    case floats = 4
    case int32s = 5
    case int64s = 7
    case raw = 9
    case doubles = 10
    case uint64s = 11

    /// The bytes of one packed element; nil for varints.
    var width: Int? {
      switch self {
      case .floats: 4
      case .doubles: 8
      case .int32s, .int64s, .uint64s, .raw: nil
      }
    }
  }

  private static let types: [UInt64: (dtype: DType, field: Field)] = [
    1: (.f32, .floats), 2: (.u8, .int32s), 3: (.i8, .int32s), 4: (.u16, .int32s), 5: (.i16, .int32s),
    6: (.i32, .int32s), 7: (.i64, .int64s), 9: (.bool, .int32s), 10: (.f16, .int32s), 11: (.f64, .doubles),
    12: (.u32, .uint64s), 13: (.u64, .uint64s), 14: (.c64, .floats), 15: (.c128, .doubles), 16: (.bf16, .int32s),
    17: (.f8e4m3, .int32s), 18: (.f8e4m3fnuz, .int32s), 19: (.f8e5m2, .int32s), 20: (.f8e5m2fnuz, .int32s),
    24: (.f8e8m0, .int32s),
  ]

  /// The names of the numbers that are known and not read.
  static let unread: [UInt64: String] = [
    0: "UNDEFINED", 8: "STRING", 21: "UINT4", 22: "INT4", 23: "FLOAT4E2M1", 25: "UINT2", 26: "INT2",
  ]

  static func named(_ number: UInt64) -> (dtype: DType, field: Field)? { types[number] }
}
