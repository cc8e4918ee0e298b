public import TensorFerryTensors

/// A single array as `numpy.save` writes it: `.npy`, versions 1 to 3, either byte order, C or Fortran order.
///
/// The state dict has one tensor, named after the file without its extension. Object arrays, which are pickles, are
/// refused.
public struct NumPyFormat: WeightFormat {
  public static let name = "npy"

  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  public init() {}

  public static func recognises(_ file: SourceFile) throws -> Bool {
    try file.byteCount >= 6 && file.read(at: 0, count: 6) == magic
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    do {
      let header = try NumPyHeader(file)
      let content: LazyTensor.Content
      if header.isPlain {
        content = .file(file, offset: header.dataOffset)
      } else {
        let elements = try header.dtype.byteCount(of: header.shape.elementCount)
        try file.check(offset: header.dataOffset, count: elements)
        content = .reader(NumPyRange(header: header, file: file))
      }
      let tensor = try LazyTensor(dtype: header.dtype, shape: header.shape, content: content)
      let end = header.dataOffset + UInt64(tensor.byteCount)
      guard end == file.byteCount else {
        throw NumPyHeader.malformed("the array ends at byte \(end), the file at byte \(file.byteCount)", at: end)
      }
      var state = StateDict()
      state.origin = .init(path: file.path, format: Self.name, layout: nil, byteCount: file.byteCount)
      try state.append(Self.stem(of: file.path), tensor)
      return state
    } catch var error as WeightFileError {
      error.file = file.path
      throw error
    } catch var error as TensorError {
      error.file = file.path
      error.format = Self.name
      throw error
    }
  }

  public func write(_ state: StateDict, to path: String) throws {
    throw WeightFileError(.unrepresentable, "writing .npy files is not supported", file: path, format: Self.name)
  }

  private static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".npy") ? String(name.dropLast(4)) : name
  }
}

extension WeightFormat where Self == NumPyFormat {
  /// A single array as `numpy.save` writes it.
  public static var npy: NumPyFormat { NumPyFormat() }
}
