/// The most of everything that is read of one file. Every error that one of them causes prints it.
package enum ParserLimits {
  /// Links of one file, groups with two names counted twice.
  package static let links = 1_000_000
  /// Groups inside each other.
  package static let depth = 64
  /// Attributes of one object.
  package static let attributes = 4096
  /// Bytes of one attribute, and of all attributes of one object.
  package static let attributeBytes = 64 << 20
  /// Chunks of one dataset.
  package static let chunks = 200_000
  /// Bytes of one structure that is read in one piece.
  package static let structureBytes = 128 << 20
  /// Blocks of one object header.
  package static let headerBlocks = 4096
  /// Messages of one object header: the attributes and some more.
  package static let headerMessages = 65_536
  /// Levels of one tree or heap.
  package static let levels = 64
  /// Filters of one dataset.
  package static let filters = 32
  /// Dimensions of one dataset.
  package static let rank = 32
  /// Bytes of compact data.
  package static let compactBytes = 65_536
  /// Strings, and bytes of strings of a fixed length, of a dataset that lists names.
  package static let texts = 65_536
  package static let textBytes = 16 << 20

  /// Bytes of metadata that are looked at, all in all: a file may name the same bytes over and over.
  package static func workBytes(fileSize: UInt64) -> UInt64 { 256 << 20 + 4 * min(fileSize, 4 << 30) }
  /// Bytes of paths and attributes that are kept, all in all: a name may be used over and over.
  package static func keptBytes(fileSize: UInt64) -> UInt64 { 64 << 20 + min(fileSize, 4 << 30) }
  /// Places for chunks that are kept, all in all: those that were never written take no space in the file.
  package static func keptChunks(fileSize: UInt64) -> UInt64 { 1_000_000 + min(fileSize, 4 << 30) / 1024 }
}

/// Why a part of a file cannot be described.
struct ParseError: Error {
  let code: HDF5Error.Code
  let reason: String

  init(_ reason: String, code: HDF5Error.Code = .damagedFile) {
    self.code = code
    self.reason = reason
  }

  static func limit(_ what: String, _ found: some BinaryInteger, _ limit: some BinaryInteger) -> ParseError {
    ParseError("\(found) \(what), the limit is \(limit)", code: .limitExceeded)
  }
}
