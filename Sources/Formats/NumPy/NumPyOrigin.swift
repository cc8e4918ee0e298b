internal import TensorFerryTensors

/// Which array a header belongs to: a whole file, or a member of an archive.
struct NumPyOrigin {
  let file: SourceFile
  let format: String
  /// The member's name, or nil for a whole file.
  var member: String?
  /// The number of bytes of header and data.
  let byteCount: UInt64

  func error(_ code: WeightFileError.Code, _ reason: String, at offset: UInt64 = 0) -> WeightFileError {
    WeightFileError(
      code, reason, file: file.path, format: format, place: member.map(Place.member) ?? .byte(offset))
  }

  func malformed(_ reason: String, at offset: UInt64 = 0) -> WeightFileError {
    error(.malformed, reason, at: offset)
  }
}
