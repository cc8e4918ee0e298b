/// A text that is written as weight files are: beside its path, flushed, then renamed.
package enum TextFile {
  /// Finds out whether ``write(_:to:replacing:)`` may write there, and writes nothing.
  package static func check(_ path: String, replacing: Bool) throws {
    _ = try AtomicFile(path: path, replacing: replacing)
  }

  /// - Throws: ``WeightFileError`` with code `.outputExists` or `.unwritable`.
  package static func write(_ text: String, to path: String, replacing: Bool) throws {
    try AtomicFile.write(to: path, replacing: replacing, byteCount: text.utf8.count) { temporary in
      let file = try OutputFile(creating: temporary)
      try file.write(text.utf8)
      try file.close()
    }
  }
}
