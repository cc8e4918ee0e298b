import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct SafetensorsWritingTests {
  /// All types, shapes of every kind, names that need escapes, and 1,000 small tensors.
  private static func everything() throws -> StateDict {
    var state = StateDict()
    for (seed, dtype) in DType.allCases.enumerated() where dtype != .c128 && dtype != .block {
      try state.append("types.\(dtype.rawValue)", patterned(dtype, [3, 4], seed: seed))
    }
    try state.append("scalar", patterned(.f32, []))
    try state.append("", patterned(.i16, [5]))
    try state.append("empty", patterned(.f64, [0, 3]))
    try state.append("größe \"quoted\" \\ / \n\t\u{7f} 名前 😀", patterned(.bf16, [2, 3, 1]))
    try state.append("nan", Self.nan())
    for index in 0..<1000 { try state.append("small.\(index)", patterned(.u8, [index % 3, 2], seed: index)) }
    return state
  }

  private static func nan() throws -> LazyTensor {
    LazyTensor(
      try Tensor(
        [Float(bitPattern: 0x7FC0_0123), Float(bitPattern: 0xFF80_0001), -0.0, Float.leastNonzeroMagnitude],
        shape: [4, 1]))
  }

  private func write(_ state: StateDict, _ body: (String) throws -> Void)
    throws
  {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "out.safetensors").path
      try state.write(path: path, format: .safetensors)
      try body(path)
    }
  }

  @Test("the library reads every type, shape and name back with the same bits")
  func library() throws {
    let state = try Self.everything()
    try write(state) { (path: String) throws in
      #expect(try pythonFacts(of: [path]) == facts(of: state))
      #expect(try StateDict(path: path).names == state.names)
    }
  }

  @Test("torch loads bfloat16, float8 and NaN payloads with the same bits")
  func torch() throws {
    var state = StateDict()
    try state.append("bf16", patterned(.bf16, [3, 5]))
    try state.append("f8", patterned(.f8e4m3, [7, 2]))
    try state.append("nan", Self.nan())
    try write(state) { (path: String) throws in
      let found = try python(
        """
        import sys, torch
        from safetensors.torch import load_file
        for name, t in load_file(sys.argv[1]).items():
          print(name, t.dtype, list(t.shape), t.reshape(-1).view(torch.uint8).numpy().tobytes().hex())
        """, [path])
      func hex(_ name: String) throws -> String {
        String(try #require(facts(of: state)[name]?.split(separator: " ").last))
      }
      #expect(
        try Set(lines(found)) == [
          "bf16 torch.bfloat16 [3, 5] \(hex("bf16"))", "f8 torch.float8_e4m3fn [7, 2] \(hex("f8"))",
          "nan torch.float32 [4, 1] \(hex("nan"))",
        ])
    }
  }

  @Test("names are in order, data by element size, the section at a multiple of 64, the metadata sorted")
  func layout() throws {
    var state = StateDict()
    for (name, dtype) in [("b", DType.u8), ("a", .f64), ("d", .f4), ("c", .f16), ("f", .i64), ("e", .bool)] {
      try state.append(name, patterned(dtype, [3, 2]))
    }
    state.metadata = [.init("z", "1"), .init("ä", "2"), .init("format", "pt")]
    try write(state) { (path: String) throws in
      let found = try python(
        """
        import json, struct, sys
        data = open(sys.argv[1], "rb").read()
        size, = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        print((8 + size) % 64, data[8:9], list(header), list(header.pop("__metadata__")))
        print(sorted(header, key=lambda name: header[name]["data_offsets"]))
        """, [path])
      #expect(
        lines(found) == [
          "0 b'{' ['__metadata__', 'b', 'a', 'd', 'c', 'f', 'e'] ['format', 'z', 'ä']",
          "['a', 'f', 'c', 'b', 'e', 'd']",
        ])
    }
  }

  @Test("a small file is, byte for byte, what the layout says")
  func golden() throws {
    var state = StateDict()
    try state.append("bias", try LazyTensor(dtype: .i8, shape: [3], content: .memory([1, 2, 255])))
    try state.append("weight", LazyTensor(try Tensor([1.5, -2] as [Float], shape: [2, 1])))
    state.metadata = [.init("author", "a \"b\"")]
    try write(state) { (path: String) throws in
      let expected = try python(
        """
        import json, struct
        header = {"__metadata__": {"author": 'a "b"'},
          "bias": {"dtype": "I8", "shape": [3], "data_offsets": [8, 11]},
          "weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}}
        text = json.dumps(header, separators=(",", ":"))
        text += " " * (-(8 + len(text)) % 64)
        print((struct.pack("<Q", len(text)) + text.encode() + struct.pack("<ff3B", 1.5, -2, 1, 2, 255)).hex(), end="")
        """)
      let found = try Data(contentsOf: URL(filePath: path)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      #expect(found.joined() == expected)
    }
  }

  @Test("the same state dict gives the same bytes, and a state dict without tensors is legal")
  func deterministic() throws {
    var state = try Self.everything()
    state.metadata = [.init("b", ["x": .integer(1)]), .init("a", "text"), .init("c", [nil, true, .number(0.5)])]
    var files: [Data] = []
    for _ in 0..<2 { try write(state) { files.append(try Data(contentsOf: URL(filePath: $0))) } }
    #expect(files[0] == files[1])
    try write(StateDict()) { (path: String) throws in
      #expect(try pythonFacts(of: [path]) == [:])
      #expect(try StateDict(path: path).isEmpty)
    }
  }

  @Test("everything that the format cannot hold is told in one error, and nothing is written")
  func unrepresentable() throws {
    var state = StateDict()
    try state.append("complex", patterned(.c128, [2]))
    try state.append("__metadata__", patterned(.u8, [2]))
    try state.append(String(repeating: "n", count: 65_537), patterned(.u8, [1]))
    try state.append("deep", patterned(.u8, [Int](repeating: 1, count: 65)))
    state.metadata = [
      .init("a", "1"), .init("a", "2"), .init("tensorferry.safetensors/1", "x"),
      .init("twice", .object([.init("k", .integer(1)), .init("k", .integer(2))])),
    ]
    try withTemporaryDirectory { (directory: URL) throws in
      #expect {
        try state.write(path: directory.appending(path: "out.safetensors").path, format: .safetensors)
      } throws: { error in
        let error = error as? WeightFileError
        let parts = [
          "'complex' is C128", "'__metadata__' has the name", "65537 bytes, the limit is 65536",
          "65 dimensions, the limit is 64", "'a' is taken", "'tensorferry.safetensors/1' is taken", "'twice' repeats",
        ]
        return error?.code == .unrepresentable && error?.format == "safetensors"
          && parts.allSatisfy { error?.reason.contains($0) == true }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }
  }
}
