internal import TensorFerryTensors

/// The file that holds an archive, and the name of the format for errors.
struct ZipSource: Sendable {
  let file: SourceFile
  let format: String

  func error(_ code: WeightFileError.Code, _ reason: String, _ place: Place) -> WeightFileError {
    WeightFileError(code, reason, file: file.path, format: format, place: place)
  }

  func malformed(_ reason: String, _ place: Place) -> WeightFileError { error(.malformed, reason, place) }

  func cursor(at offset: UInt64, count: Int) throws -> ByteCursor {
    ByteCursor(try file.read(at: offset, count: count), base: offset, format: format)
  }
}
