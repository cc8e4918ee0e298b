public import TensorFerryTensors

/// One tensor as ONNX has it: a `TensorProto` in a file of its own, such as the `input_0.pb` and `output_0.pb` beside a
/// model's tests.
///
/// The tensor is named by the file's name for it, else after the file without its extension. Such files are read, not
/// written. A model (`.onnx`) is not such a file.
public struct ONNXFormat: WeightFormat {
  public static let name = "onnx"
  public static let extensions = ["pb"]
  public static let keepsTies = false

  public init() {}

  /// True if the whole file is one tensor: protocol buffers have no signature.
  public static func recognises(_ file: SourceFile) throws -> Bool {
    // Fields 1 and 2 come first in what every program writes: dimensions or, for a scalar, the element type.
    guard file.byteCount > 1, try [0x08, 0x0A, 0x10].contains(file.read(at: 0, count: 1)[0]) else { return false }
    var fields = ProtobufFields(file, format: name)
    do {
      var hasType = false
      while let field = try fields.next() {
        guard field.number <= 16, field.number != 15 else { return false }
        if field.number == 2 {
          guard field.wireType == 0 else { return false }
          hasType = true
        }
      }
      return hasType
    } catch is WeightFileError {
      return false
    }
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    var state = StateDict()
    state.origin = .init(path: file.path, format: Self.name, layout: nil, byteCount: file.byteCount)
    do {
      let tensor = try ONNXTensor(file)
      let stem = Self.stem(of: file.path)
      try state.append(tensor.name.isEmpty ? stem : tensor.name, tensor.tensor())
      if let documentation = tensor.documentation { state.metadata = [.init("doc_string", .string(documentation))] }
    } catch var error as WeightFileError {
      error.file = file.path
      throw error
    } catch var error as TensorError {
      error.file = file.path
      error.format = Self.name
      error.place = error.place ?? .byte(0)
      throw error
    }
    return state
  }

  public func write(_ state: StateDict, to path: String) throws { try checkRepresentable(state, at: path) }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
    let names = state.names.prefix(3).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
    throw WeightFileError(
      .unrepresentable, "ONNX tensors are read, not written; this is to hold \(state.count) tensors: \(names)",
      file: path, format: Self.name)
  }

  public static func problem(ofName name: String) -> String? { nil }

  private static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".pb") ? String(name.dropLast(3)) : name
  }
}

extension WeightFormat where Self == ONNXFormat {
  /// One tensor as ONNX has it.
  public static var onnx: ONNXFormat { ONNXFormat() }
}
