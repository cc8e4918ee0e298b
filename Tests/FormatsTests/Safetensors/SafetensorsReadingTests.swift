import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct SafetensorsReadingTests {
  @Test("every element type that torch has is read with the bits that torch wrote")
  func torchTypes() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "torch.safetensors").path
      let expected = lines(
        try python(
          """
          import sys, torch
          from safetensors.torch import save_file
          torch.manual_seed(3)
          raw = torch.randint(0, 256, (3 * 5 * 8,), dtype=torch.uint8)
          plain = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16",
            "float32", "float64", "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
            "float8_e8m0fnu"]
          tensors = {n: raw[:15 * getattr(torch, n).itemsize].view(getattr(torch, n)).reshape(3, 5).clone() for n in plain}
          tensors["bool"] = torch.tensor([[True, False, True], [False, False, True]])
          tensors["scalar"] = torch.tensor(-2.5)
          tensors["empty"] = torch.zeros(0, 3)
          tensors["empty.int64"] = torch.zeros(4, 0, 2, dtype=torch.int64)
          tensors["nan payloads"] = torch.tensor([0x7FC00123, 0x7F800001, -1, -2147483648, 1], dtype=torch.int32).view(torch.float32)
          tensors["größe/名前\\n😀"] = torch.arange(6.).reshape(2, 3)
          save_file(tensors, sys.argv[1])
          for name in sorted(tensors):
            t = tensors[name]
            data = t.reshape(-1).view(torch.uint8).numpy().tobytes().hex() if t.numel() else ""
            print(f"{name!r} {t.dtype} {list(t.shape)} {data}")
          """, [path]))
      let state = try StateDict(path: path)
      let torchNames: [DType: String] = [
        .bool: "bool", .u8: "uint8", .i8: "int8", .i16: "int16", .u16: "uint16", .i32: "int32", .u32: "uint32",
        .i64: "int64", .u64: "uint64", .f16: "float16", .bf16: "bfloat16", .f32: "float32", .f64: "float64",
        .c64: "complex64", .f8e4m3: "float8_e4m3fn", .f8e5m2: "float8_e5m2", .f8e4m3fnuz: "float8_e4m3fnuz",
        .f8e5m2fnuz: "float8_e5m2fnuz", .f8e8m0: "float8_e8m0fnu",
      ]
      let found = try state.map { element in
        let bytes = try element.tensor.read().bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let name = element.name.replacing("\n", with: "\\n")
        return "'\(name)' torch.\(torchNames[element.tensor.dtype] ?? "?") \(element.tensor.shape) \(bytes)"
      }
      #expect(Set(found) == Set(expected))
      #expect(expected.count == 24)
    }
  }

  @Test("all 22 types are read as the library reads them, the packed ones with their logical shapes")
  func allTypes() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "all.safetensors").path
      try python(
        """
        import json, struct, sys
        bits = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
          "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
          "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
        header, data = {}, b""
        for name, width in bits.items():
          size = 3 * 4 * width // 8
          header[name.lower()] = {"dtype": name, "shape": [3, 4], "data_offsets": [len(data), len(data) + size]}
          data += bytes(i % 2 if name == "BOOL" else (i * 29 + width) % 256 for i in range(size))
        text = json.dumps(header).encode()
        open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + data)
        """, [path])
      let state = try StateDict(path: path)
      #expect(Set(state.map(\.tensor.dtype)) == Set(DType.allCases).subtracting([.c128, .block]))
      #expect(try facts(of: state) == pythonFacts(of: [path]))
    }
  }

  @Test("tensors stay in the file, and the order of the header is kept")
  func byReference() throws {
    let header =
      #"{"z":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#
    let elements = try readSafetensors(safetensorsFile(header, data: 5))
    #expect(elements.map(\.name) == ["z", "a"])
    #expect(elements.map(\.tensor.fileOffset) == [UInt64(8 + header.utf8.count + 3), UInt64(8 + header.utf8.count)])
  }

  @Test("format, size and metadata are told")
  func origin() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "x.bin").path
      try python(
        """
        import sys, torch
        from safetensors.torch import save_file
        save_file({"w": torch.zeros(3, 2)}, sys.argv[1], metadata={"format": "pt", "ключ": "значение"})
        """, [path])
      let state = try StateDict(path: path)
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      #expect(
        state.origin == .init(path: path, format: "safetensors", layout: nil, byteCount: UInt64(try #require(size))))
      #expect(Set(state.metadata) == [.init("format", "pt"), .init("ключ", "значение")])
    }
  }

  @Test("two names that differ only in their Unicode normalisation are two tensors, as in Python")
  func normalisation() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "n.safetensors").path
      try python(
        """
        import sys, torch
        from safetensors.torch import save_file
        save_file({"caf\\u00e9": torch.zeros(3), "cafe\\u0301": torch.ones(2)}, sys.argv[1])
        """, [path])
      let state = try StateDict(path: path)
      #expect(state.count == 2)
      #expect(state["caf\u{e9}"]?.shape == [3] && state["cafe\u{301}"]?.shape == [2])
    }
  }

  @Test("100,000 tensors are read in seconds")
  func manyTensors() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "many.safetensors").path
      try python(
        """
        import json, struct, sys
        header = {f"model.layers.{i}.weight": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(100000)}
        text = json.dumps(header).encode()
        open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + bytes(100000))
        """, [path])
      var count = 0
      let elapsed = try ContinuousClock().measure { count = try StateDict(path: path).count }
      #expect(count == 100_000)
      // An unoptimised build takes about 4 s; a reader that compares each name with all before would take hours.
      #expect(elapsed < .seconds(40))
    }
  }
}
