internal import ArgumentParser
internal import TensorFerry

/// How weight files are read.
struct InputOptions: ParsableArguments {
  @Option(
    help: """
      What raw bytes hold whose type an HDF5 or NumPy file does not say: bf16 for two bytes; f8_e4m3, f8_e5m2, \
      f8_e8m0, f8_e4m3fnuz or f8_e5m2fnuz for one. May be given once for each size.
      """)
  var voidType: [String] = []

  @Flag(help: "Read the quantised blocks of GGUF files as the F32 numbers that they encode, where that is known.")
  var dequantise = false

  @Option(
    help: """
      Who finds out what an HDF5 file holds: parser, which is for files from anyone, or libhdf5, which is for trusted \
      files alone.
      """, transform: Self.reader)
  var reader: HDF5Reader = .parser

  func validate() throws { _ = try voidTypes() }

  /// Opens a file, and tells if its extension names another format than its content has.
  func open(_ path: String) throws -> StateDict {
    let state = try StateDict(
      path: path, options: ReadingOptions(voidTypes: try voidTypes(), dequantised: dequantise, hdf5Reader: reader))
    if let contradiction = state.origin?.contradiction { StandardError.print("note: \(contradiction)") }
    return state
  }

  private static func reader(_ name: String) throws -> HDF5Reader {
    if let reader = HDF5Reader(rawValue: name) { return reader }
    let names = HDF5Reader.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("'\(name)' is no reader of HDF5; there are \(names)")
  }

  private func voidTypes() throws -> VoidTypes {
    var types = VoidTypes()
    for name in voidType {
      guard let dtype = DType(rawValue: name.uppercased()), VoidTypes.allows(dtype) else {
        throw ValidationError("'\(name)' is not an element type of whole bytes, such as bf16 or f8_e4m3")
      }
      guard types.insert(dtype) else {
        throw ValidationError("--void-type names two types of \(dtype.bitWidth / 8) bytes: \(voidType)")
      }
    }
    return types
  }
}
