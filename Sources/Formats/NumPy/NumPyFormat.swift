public import TensorFerryTensors

/// A single array as `numpy.save` writes it: `.npy`.
///
/// Versions 1 to 3, either byte order and either of C and Fortran order are read; version 1, little-endian, in C order
/// is written, byte for byte as numpy does. Object arrays, which are pickles, structured arrays and texts are refused.
/// The file does not name its array: the state dict has one tensor, named after the file without its extension.
public struct NumPyFormat: WeightFormat {
  public static let name = "npy"
  public static let extensions = ["npy"]
  public static let keepsTies = false
  public static let keepsNames = false

  /// What arrays of raw bytes (`V1`, `V2`) hold, which the file does not say; others are listed as ambiguous.
  ///
  /// numpy writes bfloat16 and the 8-bit floats of ml_dtypes so. A tensor of one of these types is written so, too.
  public var voidTypes: VoidTypes

  public init(voidTypes: VoidTypes = []) { self.voidTypes = voidTypes }

  public func reading(with options: ReadingOptions) -> Self {
    Self(voidTypes: options.voidTypes.isEmpty ? voidTypes : options.voidTypes)
  }

  public static func recognises(_ file: SourceFile) throws -> Bool {
    try file.byteCount >= 6 && file.read(at: 0, count: 6) == NumPyHeader.magic
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    let origin = NumPyOrigin(file: file, format: Self.name, byteCount: file.byteCount)
    var state = StateDict()
    state.origin = .init(path: file.path, format: Self.name, layout: nil, byteCount: file.byteCount)
    do {
      let header = try NumPyHeader(of: origin) { try file.read(at: 0, count: Int(min(UInt64($0), file.byteCount))) }
      let tensor = try header.tensor(of: origin, voidTypes: voidTypes) {
        try LazyTensor(dtype: $0, shape: $1, content: .file(file, offset: UInt64(header.byteCount)))
      }
      let name = Self.stem(of: file.path)
      switch tensor {
      case .tensor(let tensor): try state.append(name, tensor)
      case .ambiguous(let reason):
        state.others.append(.init(name: name, kind: "raw bytes", reason: reason, isAmbiguous: true))
      }
    } catch var error as TensorError {
      error.file = file.path
      error.format = Self.name
      error.place = error.place ?? .byte(0)
      throw error
    }
    return state
  }

  public func losses(of state: StateDict) -> [String] {
    state.map { "the name '\($0.name.escapedForDisplay)' is not kept" } + NumPyWriting.losses(of: state)
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws { _ = try checked(state, path) }

  /// The one tensor and its header.
  private func checked(_ state: StateDict, _ path: String) throws -> (LazyTensor, header: [UInt8]) {
    guard let element = state.first, state.count == 1 else {
      throw WeightFileError(
        .unrepresentable, "an .npy file holds one array, there are \(state.count) tensors; .npz holds several",
        file: path, format: Self.name)
    }
    let headers = try NumPyWriting.headers(of: state, voidTypes: voidTypes, format: Self.name, path: path)
    return (element.tensor, headers[0])
  }

  public func write(_ state: StateDict, to path: String) throws {
    let (tensor, header) = try checked(state, path)
    let output = try OutputFile(creating: path)
    try output.write(header)
    try output.write(tensor)
    try output.close()
  }

  private static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".npy") ? String(name.dropLast(4)) : name
  }
}

extension WeightFormat where Self == NumPyFormat {
  /// A single array as `numpy.save` writes it.
  public static var npy: NumPyFormat { NumPyFormat() }

  /// A single array; `voidTypes` is what raw bytes hold.
  public static func npy(voidTypes: VoidTypes) -> NumPyFormat { NumPyFormat(voidTypes: voidTypes) }
}
