import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that we wrote, as gguf-py reads them.
@Suite struct GGUFWritingTests {
  /// Prints every tensor and every field as gguf-py sees them.
  private static let reader = """
    import json, sys
    import gguf
    reader = gguf.GGUFReader(sys.argv[1])
    tensors = [
        [t.name, t.tensor_type.name, [int(d) for d in reversed(t.shape)], t.data.tobytes().hex(), int(t.data_offset)]
        for t in reader.tensors
    ]
    fields = [
        [f.name, [t.name for t in f.types], f.contents()]
        for f in reader.fields.values() if not f.name.startswith("GGUF.")
    ]
    print(json.dumps({"tensors": tensors, "fields": fields, "alignment": int(reader.alignment)}))
    """

  private func tensor(_ dtype: DType, _ shape: Shape, seed: UInt8) throws -> LazyTensor {
    let count = try dtype.byteCount(of: shape.elementCount)
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 37) ^ Int(seed)) }
    return LazyTensor(try Tensor(dtype: dtype, shape: shape, bytes: bytes))
  }

  private func everyDType() throws -> StateDict {
    var state = StateDict()
    for (index, dtype) in [DType.f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64].enumerated() {
      try state.append("layer.\(dtype.rawValue)", tensor(dtype, Shape([index + 2, 5]), seed: UInt8(index)))
    }
    try state.append("scalar", tensor(.f32, [], seed: 9))
    try state.append("empty", tensor(.i64, [4, 0, 3], seed: 9))
    try state.append("β", tensor(.f16, [2, 1, 3, 5], seed: 9))
    return state
  }

  private func seen(_ state: StateDict, _ format: GGUFFormat = .gguf()) throws -> JSONValue {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "out.gguf")
      try state.write(to: url, format: format)
      return try JSONValue(parsing: try python(Self.reader, [url.path]))
    }
  }

  @Test("gguf-py reads the names, types, shapes and bytes that were written")
  func everyTensor() throws {
    let state = try everyDType()
    let tensors = try #require(try seen(state)["tensors"]?.array)
    #expect(tensors.count == state.count)
    for (element, entry) in zip(state, tensors.compactMap(\.array)) {
      #expect(entry[0].string == element.name)
      #expect(entry[1].string == element.tensor.dtype.rawValue)
      #expect(entry[2] == JSONValue(element.tensor.shape))
      #expect(try entry[3].string == element.tensor.read().bytes.hexadecimal, "\(element.name)")
    }
  }

  @Test("every tensor begins at a multiple of the alignment that the file declares", arguments: [8, 32, 4096])
  func alignment(alignment: Int) throws {
    let answer = try seen(everyDType(), .gguf(alignment: alignment))
    #expect(answer["alignment"]?.int == alignment)
    for entry in try #require(answer["tensors"]?.array) {
      let offset = try #require(entry.array?[4].int)
      #expect(offset % alignment == 0)
    }
  }

  @Test("the same state dict gives the same bytes")
  func deterministic() throws {
    try withTemporaryDirectory { folder in
      var state = try everyDType()
      state.metadata = [.init("a", "b"), .init("c", [1, 2].asJSON)]
      let files = try ["one", "two"].map { name in
        let url = folder.appending(path: name)
        try state.write(to: url, format: .gguf())
        return try Data(contentsOf: url)
      }
      #expect(files[0] == files[1])
    }
  }

  @Test("tied names become copies, and the losses say so")
  func ties() throws {
    var state = StateDict()
    let shared = try tensor(.f32, [3, 4], seed: 1)
    try state.append("embedding", shared)
    try state.append("head", shared, aliasOf: "embedding")
    #expect(GGUFFormat().losses(of: state) == ["'embedding', 'head' share their bytes; each gets its own copy"])
    let tensors = try #require(try seen(state)["tensors"]?.array)
    #expect(tensors.count == 2 && tensors[0].array?[3] == tensors[1].array?[3])
  }

  @Test("a name of 64 bytes is written, and the losses say that ggml does not open it")
  func longestName() throws {
    var state = StateDict()
    let name = String(repeating: "n", count: 64)
    try state.append(name, tensor(.f32, [2], seed: 1))
    #expect(GGUFFormat().losses(of: state).count == 1)
    #expect(try seen(state)["tensors"]?.array?.first?.array?[0].string == name)
  }

  private func refusal(_ state: StateDict, _ format: GGUFFormat = .gguf()) throws -> WeightFileError {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "out.gguf")
      let error = try #require(
        #expect(throws: WeightFileError.self) { try state.write(to: url, format: format) })
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      return error
    }
  }

  @Test(
    "an element type that GGUF lacks is refused by name",
    arguments: DType.allCases.filter { ![.f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64, .block].contains($0) })
  func unrepresentable(dtype: DType) throws {
    var state = StateDict()
    try state.append("w", tensor(dtype, [8, 4], seed: 1))
    let error = try refusal(state)
    #expect(error.code == .unrepresentable)
    #expect(error.reason == "'w' is \(dtype.rawValue), which GGUF lacks")
  }

  @Test("every problem is named at once, before a file is made")
  func allProblems() throws {
    var state = StateDict()
    try state.append(String(repeating: "ü", count: 33), tensor(.bool, [1, 2, 3, 1, 2], seed: 1))
    try state.append("a\0b", tensor(.f32, [2], seed: 1))
    state.metadata = [.init("", "x"), .init("k", "1"), .init("k", "2"), .init("general.alignment", 33.asJSON)]
    let reason = try refusal(state).reason
    for part in [
      "66 bytes, GGUF allows 64", "5 dimensions, GGUF allows 4", "is BOOL, which GGUF lacks", "NUL in its name",
      "key '' is empty", "key 'k' is empty, too long, reserved or repeated", "33, which is no power of two",
    ] {
      #expect(reason.contains(part), "\(reason)")
    }
  }
}

extension Int {
  var asJSON: JSONValue { JSONValue(self) }
}

extension [Int] {
  var asJSON: JSONValue { .array(map { JSONValue($0) }) }
}
