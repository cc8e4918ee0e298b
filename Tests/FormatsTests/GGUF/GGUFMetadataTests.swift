import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Metadata of every type, from gguf-py and from other formats, through our files.
@Suite struct GGUFMetadataTests {
  /// Writes a file with every type that gguf-py writes, and prints the values.
  private static let writer = """
    import json, sys
    import gguf, numpy as np
    from gguf import GGUFValueType as T
    writer = gguf.GGUFWriter(sys.argv[1], "llama", endianess=gguf.GGUFEndian[sys.argv[2]])
    third = np.float32(1 / 3).item()
    pairs = [
        ("t.u8", T.UINT8, 200), ("t.i8", T.INT8, -100), ("t.u16", T.UINT16, 60000), ("t.i16", T.INT16, -30000),
        ("t.u32", T.UINT32, 4000000000), ("t.i32", T.INT32, -2000000000), ("t.u64", T.UINT64, 2**64 - 1),
        ("t.small.u64", T.UINT64, 7), ("t.i64", T.INT64, -2**63), ("t.f32", T.FLOAT32, third),
        ("t.f64", T.FLOAT64, 0.1), ("t.whole.f32", T.FLOAT32, 3.0), ("t.true", T.BOOL, True),
        ("t.false", T.BOOL, False), ("t.text", T.STRING, "Grüße \\u2028 \\t\\"'"),
    ]
    for key, kind, value in pairs:
        writer.add_key_value(key, value, kind)
    lists = [
        ("a.f32", T.FLOAT32, [third, -0.0, 1e30 and np.float32(1e30).item()]), ("a.u16", T.UINT16, [1, 65535]),
        ("a.text", T.STRING, ["<unk>", "", "é"]), ("a.bool", T.BOOL, [True, False, True]),
        ("a.u64", T.UINT64, [1, 2**63]), ("a.i64", T.INT64, [5, -6]),
        ("a.arrays", T.ARRAY, [[1, 2], [3], ["x", "y"]]),
    ]
    for key, kind, value in lists:
        writer.add_key_value(key, value, T.ARRAY, sub_type=kind)
    writer.add_tensor("w", np.arange(15, dtype=np.float32).reshape(3, 5))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    print(json.dumps([["general.architecture", "llama"]] + [[key, value] for key, _, value in pairs + lists]))
    """

  private func withFile(_ order: String, _ body: (URL, [JSONValue]) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      let url = folder.appending(path: "llama.gguf")
      let output = try python(Self.writer, [url.path, order])
      try body(url, try #require(try JSONValue(parsing: output).array))
    }
  }

  @Test("every value is what gguf-py was given", arguments: ["LITTLE", "BIG"])
  func values(order: String) throws {
    try withFile(order) { url, expected in
      let metadata = try StateDict(contentsOf: url).metadata.dropLast()
      #expect(metadata.map { .array([.string($0.key), $0.value]) } == expected)
    }
  }

  @Test("the types that JSON cannot say are noted, the natural ones are not")
  func types() throws {
    try withFile("LITTLE") { url, _ in
      let last = try #require(try StateDict(contentsOf: url).metadata.last)
      #expect(last.key == "tensorferry.gguf_types")
      #expect(last.value["t.u8"] == "u8" && last.value["t.small.u64"] == "u64" && last.value["a.f32"] == "[f32]")
      #expect(last.value["a.arrays"] == ["[i32]", "[i32]", "[str]"])
      for key in ["t.i64", "t.u64", "t.f64", "t.true", "t.text", "a.text", "a.bool", "a.i64"] {
        #expect(last.value[key] == nil, "\(key)")
      }
    }
  }

  @Test("a file of gguf-py that is read and written is the same file, byte for byte")
  func sameFile() throws {
    try withFile("LITTLE") { url, _ in
      let copy = url.appendingPathExtension("copy")
      try StateDict(contentsOf: url).write(to: copy, format: .gguf())
      #expect(try Data(contentsOf: copy) == Data(contentsOf: url))
    }
  }

  private func copied(_ bytes: [UInt8]) throws -> [UInt8] {
    try withTemporaryDirectory { folder in
      let urls = ["a", "b"].map { folder.appending(path: $0) }
      try Data(bytes).write(to: urls[0])
      try StateDict(contentsOf: urls[0]).write(to: urls[1], format: .gguf())
      return [UInt8](try Data(contentsOf: urls[1]))
    }
  }

  static let rareValues: [(String, UInt32, [UInt8])] = [
    ("a NaN with a payload", 6, GGUFBytes.little(UInt32(0x7FA0_0001))),
    ("a signalling NaN of 64 bits", 12, GGUFBytes.little(UInt64(0xFFF0_0000_0000_0003))),
    ("the usual NaN", 6, GGUFBytes.little(Float.nan.bitPattern)),
    ("minus infinity", 12, GGUFBytes.little((-Double.infinity).bitPattern)),
    ("minus zero", 6, GGUFBytes.little((-Float.zero).bitPattern)),
    ("a subnormal", 6, GGUFBytes.little(Float.leastNonzeroMagnitude.bitPattern)),
    ("a text that is not UTF-8", 8, GGUFBytes.little(UInt64(3)) + [0x61, 0xFF, 0x00]),
    ("an empty text", 8, GGUFBytes.little(UInt64(0))),
    ("an empty array", 9, GGUFBytes.little(UInt32(5)) + GGUFBytes.little(UInt64(0))),
    ("an empty array of arrays", 9, GGUFBytes.little(UInt32(9)) + GGUFBytes.little(UInt64(0))),
  ]

  @Test("values that JSON lacks survive with every bit", arguments: rareValues)
  func rare(claim: String, type: UInt32, value: [UInt8]) throws {
    let file = GGUFBytes(
      pairs: [GGUFBytes.pair("rare", type, value)], tensors: [GGUFBytes.tensor("t", [8, 4])],
      data: [UInt8](repeating: 5, count: 128))
    #expect(try copied(file.bytes) == file.bytes)
  }

  /// What no GGUF file could hold by itself.
  private static let foreign: [JSONValue.Member] = [
    .init("format", "pt"), .init("epoch", .integer(-3)), .init("large", .unsigned(.max)), .init("rate", .number(1e-4)),
    .init("flag", false), .init("shape", .array([.integer(3), .integer(4)])), .init("nothing", nil),
    .init("optimiser", .object([.init("betas", .array([.number(0.9), .number(0.999)])), .init("eps", nil)])),
    .init("mixed", .array([.integer(1), "two"])), .init("none", .array([])),
    .init("nested", .array([.array([.integer(1)]), .array([.integer(2), .integer(3)])])),
    .init("hex", .object([.init("hex", "ff")])), .init("number as text", "12"),
  ]

  @Test("metadata of other formats comes back as it was")
  func foreignMetadata() throws {
    try withTemporaryDirectory { folder in
      var state = StateDict()
      state.metadata = Self.foreign
      let url = folder.appending(path: "out.gguf")
      try state.write(to: url, format: .gguf())
      #expect(try StateDict(contentsOf: url).metadata == Self.foreign)
    }
  }

  @Test("keys and names that differ only in their Unicode normalisation are different, as they are in Python")
  func normalisation() throws {
    let texts = ["\u{E9}", "e\u{301}"]
    let file = GGUFBytes(
      pairs: texts.map { GGUFBytes.pair($0, 0, [1]) },
      tensors: texts.enumerated().map { GGUFBytes.tensor($1, [8, 4], offset: UInt64($0 * 128)) },
      data: [UInt8](repeating: 5, count: 256))
    #expect(try copied(file.bytes) == file.bytes)
  }

  @Test("gguf-py reads metadata of other formats: scalars as themselves, the rest as JSON")
  func foreignMetadataInPython() throws {
    try withTemporaryDirectory { folder in
      var state = StateDict()
      state.metadata = Self.foreign
      let url = folder.appending(path: "out.gguf")
      try state.write(to: url, format: .gguf())
      let code = """
        import json, sys, gguf
        fields = gguf.GGUFReader(sys.argv[1]).fields
        print(json.dumps({k: [f.types[0].name, f.contents()] for k, f in fields.items() if not k.startswith("GGUF.")}))
        """
      let seen = try JSONValue(parsing: try python(code, [url.path]))
      #expect(seen["epoch"] == ["INT64", .integer(-3)])
      #expect(seen["large"] == ["UINT64", .unsigned(.max)])
      #expect(seen["rate"] == ["FLOAT64", .number(1e-4)])
      #expect(seen["flag"] == ["BOOL", false])
      #expect(seen["shape"] == ["ARRAY", .array([.integer(3), .integer(4)])])
      #expect(seen["nothing"] == ["STRING", "null"])
      #expect(seen["mixed"] == ["STRING", "[1,\"two\"]"])
      let texts: JSONValue = ["nothing", "optimiser", "mixed", "none", "nested", "hex"]
      #expect(seen["tensorferry.json"] == ["ARRAY", texts])
    }
  }

  @Test("a value that was changed so that it leaves its type is written as its natural type")
  func changedValue() throws {
    try withTemporaryDirectory { folder in
      var state = try GGUFBytes.valid.with { $0.pairs = [GGUFBytes.pair("n", 0, [200])] }.open()
      #expect(state.metadata("tensorferry.gguf_types")?["n"] == "u8")
      state.metadata[0] = .init("n", .integer(300))
      let url = folder.appending(path: "out.gguf")
      var copy = StateDict()
      copy.metadata = state.metadata
      try copy.write(to: url, format: .gguf())
      #expect(try StateDict(contentsOf: url).metadata == [.init("n", .integer(300))])
    }
  }
}
