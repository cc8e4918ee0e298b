import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport

/// The bytes of a safetensors file with this header, and `data` bytes behind it.
func safetensorsFile(_ header: some Sequence<UInt8>, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  let header = Array(header)
  return withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian, Array.init) + header
    + (0..<data).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
}

func safetensorsFile(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  safetensorsFile(header.utf8, data: data, length: length)
}

/// Writes bytes to a new file and reads them as safetensors.
func readSafetensors(_ bytes: [UInt8], name: String = "file.safetensors") throws -> [StateDict.Element] {
  try withTemporaryDirectory { directory in
    let url = directory.appending(path: name)
    try Data(bytes).write(to: url)
    return try Array(StateDict(path: url.path, format: .safetensors))
  }
}

/// What a tensor is, as a text that Python makes too: type, shape and bytes.
func facts(of state: some Sequence<StateDict.Element>) throws -> [String: String] {
  var result: [String: String] = [:]
  for element in state {
    let bytes = try element.tensor.read().bytes
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    result[element.name] = "\(element.tensor.dtype.rawValue) \(element.tensor.shape) \(digits)"
  }
  return result
}

/// The same facts of the files, as the safetensors library reads them.
func pythonFacts(of paths: [String]) throws -> [String: String] {
  let text = try python(
    """
    import json, sys
    from safetensors import deserialize
    facts = {}
    for path in sys.argv[1:]:
      for name, t in deserialize(open(path, "rb").read()):
        facts[name] = f"{t['dtype']} {list(t['shape'])} {bytes(t['data']).hex()}"
    print(json.dumps(facts))
    """, paths)
  return Dictionary(
    uniqueKeysWithValues: (try JSONValue(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines)).members ?? [])
      .map { ($0.key, $0.value.string ?? "") })
}

/// A tensor with bytes that differ from place to place and from seed to seed.
func patterned(_ dtype: DType, _ dimensions: [Int], seed: Int = 1) throws -> LazyTensor {
  let shape = try Shape(dimensions)
  let count = try dtype.byteCount(of: shape.elementCount)
  return try LazyTensor(
    dtype: dtype, shape: shape,
    content: .memory(
      (0..<count).map { dtype == .bool ? UInt8(($0 + seed) % 2) : UInt8(truncatingIfNeeded: $0 &* 37 &+ seed &* 101) }))
}

/// The lines that Python printed.
func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
