/// The types of metadata values; the raw values are those of the format.
enum GGUFValueType: UInt32, CaseIterable {
  case u8, i8, u16, i16, u32, i32, f32, bool, str, arr, u64, i64, f64

  /// As ggml prints it.
  var name: String { String(describing: self) }

  /// The bytes that a value takes at least: a text is its length, an array its type and its length.
  var minimumByteCount: UInt64 {
    switch self {
    case .u8, .i8, .bool: 1
    case .u16, .i16: 2
    case .u32, .i32, .f32: 4
    case .str, .u64, .i64, .f64: 8
    case .arr: 12
    }
  }

  init?(name: Substring) {
    guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }
}
