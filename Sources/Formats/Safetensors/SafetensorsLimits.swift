/// What a safetensors file, or the index of a set of them, may ask for. Each is compared before memory is taken.
enum SafetensorsLimits {
  /// The format's own limit for the header; an index has the same.
  static let headerByteCount = 100_000_000
  static let tensorCount = 1_000_000
  static let nameByteCount = 65_536
  static let rank = 64
  /// All keys and texts of the metadata together.
  static let metadataByteCount = 16 << 20
  static let shardCount = 10_000
  /// An index is recognised by what stands in its first bytes.
  static let indexStartByteCount = 65_536
}
