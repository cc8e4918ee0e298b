/// How much an archive may ask for.
struct ZipLimits: Sendable {
  static let `default` = ZipLimits()

  var memberCount: UInt64 = 1_000_000
  /// The bytes of the central directory.
  var directoryByteCount: UInt64 = 256 << 20
  /// A deflated member may always have this many bytes; more only if they are at most `expansion` times the stored ones.
  var freeByteCount: UInt64 = 64 << 20
  var expansion: UInt64 = 100
}
