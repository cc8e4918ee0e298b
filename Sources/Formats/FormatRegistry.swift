public import TensorFerryTensors

/// The formats that are known here, each with its default options. One line a format.
public enum FormatRegistry {
  /// HDF5 comes last: its signature may stand behind a user block, where any other file may have those bytes too.
  /// Keras, whose files may be HDF5, comes before it.
  public static let formats: [any WeightFormat] = [
    GGUFFormat(),
    NumPyFormat(),
    NPZFormat(),
    PyTorchFormat(),
    SafetensorsFormat(),
    ONNXFormat(),
    KerasFormat(),
    HDF5Format(),
  ]

  /// The format of a file, found by its content.
  ///
  /// - Throws: ``WeightFileError`` with code `.unknownFormat` if no format recognises it.
  public static func format(of file: SourceFile) throws -> any WeightFormat {
    if let format = try formats.first(where: { try type(of: $0).recognises(file) }) { return format }
    throw WeightFileError(.unknownFormat, "unknown format: \(try firstBytes(of: file))", file: file.path)
  }

  private static func firstBytes(of file: SourceFile) throws -> String {
    guard file.byteCount > 0 else { return "the file is empty" }
    let bytes = try file.read(at: 0, count: Int(min(file.byteCount, 8)))
    let names = formats.map { type(of: $0).name }.joined(separator: ", ")
    let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return "it begins with \(hexadecimal), which is none of \(names)"
  }
}
