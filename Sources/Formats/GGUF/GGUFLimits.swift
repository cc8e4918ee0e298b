/// What a GGUF file may ask for before it is refused. Files in use stay far below.
enum GGUFLimits {
  static let tensorCount: UInt64 = 1_000_000
  /// Parts of a split model, each of which stays open.
  static let partCount = 512
  /// Key-value pairs; language models have about 50.
  static let pairCount: UInt64 = 65_536
  /// Bytes of everything before the data. Large vocabularies take some 20 MB.
  static let headerByteCount: UInt64 = 64 << 20
  /// Elements of all metadata arrays together; a vocabulary of 256,000 tokens has about 1.4 million.
  static let arrayElementCount = 2 << 20
  /// How deep metadata arrays nest.
  static let arrayDepth = 8
  static let keyByteCount = 65_535
  /// Bytes of one text value.
  static let textByteCount = 16 << 20
  static let nameByteCount = 64
  static let rank = 4
  static let alignments: ClosedRange<UInt64> = 1...65_536
}
