import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A format that is written, under its name.
struct WritableFormat: Sendable, CustomStringConvertible {
  let description: String
  let ending: String
  let format: any WeightFormat

  static let all: [WritableFormat] = [
    .init(description: "hdf5", ending: "h5", format: .hdf5),
    .init(description: "safetensors", ending: "safetensors", format: .safetensors),
    .init(description: "pytorch", ending: "pt", format: PyTorchFormat()),
    .init(description: "npz", ending: "npz", format: .npz),
    .init(description: "gguf", ending: "gguf", format: .gguf()),
  ]

  /// Every format with every other, and with itself.
  static let pairs = all.flatMap { source in all.map { FormatPair(source: source, target: $0) } }

  /// The types that a file of this format holds, as its writer says.
  func holds(_ dtype: DType) throws -> Bool {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("x", Self.tensor(dtype, [2, 4]))
      do {
        try state.write(to: directory.appending(path: "x." + ending), format: format)
        return true
      } catch let error as WeightFileError where error.code == .unrepresentable {
        return false
      }
    }
  }

  /// Patterned elements of a type; the bits of floating-point types hold NaN payloads, -0 and subnormals.
  static func tensor(_ dtype: DType, _ shape: Shape) throws -> LazyTensor {
    let count = try dtype.byteCount(of: shape.elementCount)
    let special: [UInt8] = [0, 0x80, 0xFF, 0x7F, 0x01, 0, 0xC1, 0x7F, 0x01, 0x80]
    let bytes = (0..<count).map { index -> UInt8 in
      dtype == .bool
        ? UInt8(index % 2) : index < 40 ? special[index % special.count] : UInt8(truncatingIfNeeded: index &* 37)
    }
    return LazyTensor(try Tensor(dtype: dtype, shape: shape, bytes: bytes))
  }
}

struct FormatPair: Sendable, CustomTestStringConvertible {
  let source: WritableFormat
  let target: WritableFormat

  var testDescription: String { "\(source) to \(target)" }
}
