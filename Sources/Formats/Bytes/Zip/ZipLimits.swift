/// How much an archive may ask for.
package struct ZipLimits: Sendable {
  package static let `default` = ZipLimits()

  package var memberCount: UInt64 = 1_000_000
  /// The bytes of the central directory.
  package var directoryByteCount: UInt64 = 256 << 20
  /// A deflated member may always have this many bytes; more only if they are at most `expansion` times the stored ones.
  package var freeByteCount: UInt64 = 64 << 20
  package var expansion: UInt64 = 100
}
