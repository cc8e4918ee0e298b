import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport

/// Builds GGUF files byte by byte, valid unless a test breaks one field.
struct GGUFBytes {
  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  /// What the header claims; nil for the true number.
  var tensorCount: UInt64?
  var pairCount: UInt64?
  var pairs: [[UInt8]] = []
  var tensors: [[UInt8]] = []
  var alignment = 32
  var data: [UInt8] = []

  static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }

  /// A key, the code of a type, and the bytes of the value.
  static func pair(_ key: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] { text(key) + little(type) + value }

  static func alignment(_ value: UInt32) -> [UInt8] { pair("general.alignment", 4, little(value)) }

  /// The description of a tensor; dimensions as in the file, the fastest first.
  static func tensor(
    _ name: String = "weight", _ dimensions: [UInt64] = [8, 3], type: UInt32 = 0, offset: UInt64 = 0
  ) -> [UInt8] {
    text(name) + little(UInt32(dimensions.count)) + dimensions.flatMap(little) + little(type) + little(offset)
  }

  /// One `F32` tensor of 8 x 3, which is 96 bytes.
  static var valid: GGUFBytes { GGUFBytes(tensors: [tensor()], data: (0..<96).map { UInt8($0) }) }

  func with(_ change: (inout GGUFBytes) -> Void) -> GGUFBytes {
    var copy = self
    change(&copy)
    return copy
  }

  var bytes: [UInt8] {
    var bytes = magic + Self.little(version)
    bytes += Self.little(tensorCount ?? UInt64(tensors.count)) + Self.little(pairCount ?? UInt64(pairs.count))
    bytes += pairs.flatMap { $0 } + tensors.flatMap { $0 }
    if !tensors.isEmpty { bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment) }
    return bytes + data
  }

  /// Writes the file and opens it.
  func open(_ format: GGUFFormat = .gguf()) throws -> StateDict { try Self.open(bytes, format) }

  static func open(_ bytes: [UInt8], _ format: GGUFFormat = .gguf()) throws -> StateDict {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "made.gguf")
      try Data(bytes).write(to: url)
      return try StateDict(contentsOf: url, format: format)
    }
  }
}

extension [UInt8] {
  var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
