/// A member of a zip archive, whose local header agrees with the central directory.
package struct ZipMember: Sendable, Hashable {
  package let name: String
  /// True if the bytes stand in the file as they are, false if they are deflated.
  package let isStored: Bool
  /// The offset of the first stored byte in the file.
  package let dataOffset: UInt64
  /// The number of bytes in the file.
  package let compressedByteCount: UInt64
  /// The number of bytes after inflating.
  package let byteCount: UInt64
  package let crc32: UInt32

  /// True for the entry of a folder, which has no bytes.
  package var isFolder: Bool { name.utf8.last == UInt8(ascii: "/") }

  /// False if the writer left the checksum out, which PyTorch does on request: it writes 0 then.
  package var hasChecksum: Bool { crc32 != 0 || !isStored || byteCount == 0 }

  /// Why a name cannot stand in an archive, or nil if it can.
  ///
  /// Names that programs read in different ways, or that lead out of a folder, are refused.
  package static func problem(ofName name: String) -> String? {
    let bytes = Array(name.utf8)
    if bytes.isEmpty { return "the name of a member is empty" }
    if bytes.count > Int(UInt16.max) { return "the name has \(bytes.count) bytes, the limit is \(UInt16.max)" }
    if bytes.contains(0) { return "the name holds a NUL, where some programs end it" }
    if bytes.contains(UInt8(ascii: "\\")) { return "the name holds a backslash, which separates folders elsewhere" }
    if bytes.count > 2, bytes[1] == UInt8(ascii: ":"), bytes[2] == UInt8(ascii: "/") {
      return "the name begins with a drive"
    }
    let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    // A folder's name ends with a slash.
    for part in parts.count > 1 && parts.last?.isEmpty == true ? parts.dropLast() : parts[...] {
      if part.isEmpty { return "a part of the name is empty" }
      if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { return "a part of the name is '.' or '..'" }
    }
    return nil
  }
}
