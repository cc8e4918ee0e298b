/// What the header of an array may ask for.
enum NumPyLimits {
  /// As in numpy, whose parser is not safe for more.
  static let headerByteCount = 10_000
  /// As in numpy.
  static let rank = 64
  /// More digits than any size of 64 bits has, so that the shape can grow in place, as in numpy.
  static let dimensionDigits = 21
  /// What all texts of an archive that are taken for metadata may have together.
  static let textByteCount = 64 << 20
}
