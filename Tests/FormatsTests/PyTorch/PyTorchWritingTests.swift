import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that are written here, against what PyTorch makes of them.
@Suite struct PyTorchWritingTests {
  /// PyTorch writes `source`, `rewrite` makes `output` of it, and PyTorch looks at both.
  private func roundTrip(make: String, check: String, _ rewrite: (StateDict) throws -> StateDict = { $0 }) throws {
    try withTemporaryDirectory { directory in
      let (source, output) = (directory.appending(path: "source.pt"), directory.appending(path: "output.pt"))
      try python("import collections, json, sys, torch\nsource = sys.argv[1]\n" + make, [source.path])
      try rewrite(StateDict(contentsOf: source)).write(to: output, format: .pytorch)
      try python(
        """
        import json, sys, torch, zipfile
        source, output = sys.argv[1:]
        raw = lambda x: x.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

        """ + check, [source.path, output.path])
    }
  }

  @Test("torch.load reads every dtype back bit for bit, mapped and not, with ties, scalars and empty tensors")
  func everyDType() throws {
    try roundTrip(
      make: """
        dtypes = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32,
                  torch.int64, torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
                  torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu,
                  torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float4_e2m1fn_x2]
        x = collections.OrderedDict()
        for d in dtypes:
            limit = 2 if d == torch.bool else 256
            data = lambda n: bytearray(torch.randint(0, limit, (n * d.itemsize,), dtype=torch.uint8).numpy().tobytes())
            x[f"{d}"] = torch.frombuffer(data(15), dtype=d).reshape(3, 5)
            x[f"{d} tied"] = x[f"{d}"]
            x[f"{d} empty"] = torch.empty(2, 0, 3, dtype=d)
            if d != torch.float4_e2m1fn_x2: x[f"{d} scalar"] = torch.frombuffer(data(1), dtype=d).reshape(())
        x["nan payloads"] = torch.tensor([0x7fa00001, -0x3fffff, 1, -2**31], dtype=torch.int32).view(torch.float32)
        x["Zoë 中 '\\\\ /.."] = torch.randn(3, 2).T
        torch.save(x, source)
        """,
      check: """
        x = torch.load(source)
        for mmap in (False, True):
            y = torch.load(output, weights_only=True, mmap=mmap)
            assert list(x) == list(y) and type(y).__name__ == "OrderedDict"
            for k in x:
                assert x[k].dtype == y[k].dtype and x[k].shape == y[k].shape and raw(x[k]) == raw(y[k]), k
                assert y[k].is_contiguous() and not y[k].requires_grad, k
                if k.endswith(" tied"): assert y[k].data_ptr() == y[k[:-5]].data_ptr(), k
        """)
  }

  @Test("a written state dict loads into its module with strict=True, _metadata and ties included")
  func strict() throws {
    let module = """
      m = torch.nn.ModuleDict({"e": torch.nn.Embedding(5, 3), "h": torch.nn.Linear(3, 5, bias=False),
                               "n": torch.nn.BatchNorm1d(3)})
      m["h"].weight = m["e"].weight

      """
    try roundTrip(
      make: module + "torch.save(m.state_dict(), source)",
      check: module + """
        x = torch.load(output, weights_only=True)
        assert x._metadata == m.state_dict()._metadata and list(x._metadata) == list(m.state_dict()._metadata)
        assert str(m.load_state_dict(x, strict=True)) == "<All keys matched successfully>"
        assert x["h.weight"].data_ptr() == x["e.weight"].data_ptr()
        assert not hasattr(x, "_tensorferry_metadata")
        """)
  }

  @Test("every storage begins at a multiple of 64, where torch says it is, and every checksum is right")
  func alignment() throws {
    try roundTrip(
      make: "torch.save({str(n): torch.randn(n, 3) for n in range(1, 40)}, source)",
      check: """
        with zipfile.ZipFile(output) as z:
            assert z.testzip() is None
            assert all(i.compress_type == 0 and i.date_time[0] == 1980 for i in z.infolist())
            assert len(z.read("archive/.data/serialization_id")) == 40
        x = torch.load(source)
        content = open(output, "rb").read()
        for k, v in torch.load(output, map_location="meta").items():
            offset = v.untyped_storage()._checkpoint_offset
            assert offset % 64 == 0 and content[offset:offset + 4 * v.numel()] == raw(x[k]), k
        """)
  }

  @Test("2,500 tensors are read back, as any number is")
  func many() throws {
    try roundTrip(
      make: "torch.save({f'layer.{n}': torch.full((n % 3,), n) for n in range(2500)}, source)",
      check: """
        x, y = torch.load(source), torch.load(output, weights_only=True)
        assert list(x) == list(y) and all(torch.equal(x[k], y[k]) for k in x)
        """)
  }

  @Test("metadata of every kind is kept, in _metadata or in an attribute of its own")
  func metadata() throws {
    let values: [JSONValue.Member] = [
      .init("epoch", .integer(3)),
      .init("items", ["a", nil, true, .number(0.1), .number(-.infinity), [], .object([])]),
      .init("big", .unsigned(.max)), .init("low", .integer(.min)), .init("_metadata", "not a module's"),
    ]
    try roundTrip(
      make: "torch.save({'w': torch.ones(2)}, source)",
      check: """
        x = torch.load(output, weights_only=True)
        assert x._tensorferry_metadata == {
            "epoch": 3, "items": ["a", None, True, 0.1, float("-inf"), [], {}], "big": 2**64 - 1, "low": -2**63,
            "_metadata": "not a module's"}
        assert not hasattr(x, "_metadata")
        """
    ) { source in
      var state = source
      state.metadata = values
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: "weights.pt")
        try state.write(to: url, format: .pytorch)
        #expect(try StateDict(contentsOf: url).metadata == values)
      }
      return state
    }
  }

  @Test("torch.save of what was written here is read with the same names, bits and metadata")
  func savedAgain() throws {
    try withTemporaryDirectory { directory in
      let (first, second) = (directory.appending(path: "1.pt"), directory.appending(path: "2.pt"))
      var state = StateDict()
      try state.append("a", LazyTensor(Tensor([1, -0.0, .nan] as [Float], shape: [3])))
      try state.append("b", LazyTensor(Tensor([1, 2] as [Double], shape: [2, 1])))
      state.metadata = [
        .init("note", "x"), .init("_metadata", .object([.init("", .object([.init("version", .integer(1))]))])),
      ]
      try state.write(to: first, format: .pytorch)
      try python("import sys, torch; torch.save(torch.load(sys.argv[1]), sys.argv[2])", [first.path, second.path])
      let again = try StateDict(contentsOf: second)
      #expect(again.names == state.names)
      for (mine, theirs) in zip(state, again) { #expect(try mine.tensor.read() == theirs.tensor.read()) }
      #expect(Set(again.metadata) == Set(state.metadata))
    }
  }

  @Test("the same state dict gives the same bytes, another value another identifier")
  func deterministic() throws {
    try withTemporaryDirectory { directory in
      func bytes(_ value: Float) throws -> Data {
        var state = StateDict()
        try state.append("w", LazyTensor(Tensor([value, 2, 3], shape: [3])))
        let url = directory.appending(path: "weights.pt")
        try state.write(to: url, format: .pytorch, replacing: true)
        return try Data(contentsOf: url)
      }
      let first = try bytes(1)
      #expect(try bytes(1) == first)
      let other = try bytes(4)
      let marker = Data("serialization_id".utf8)
      let range = try #require(first.firstRange(of: marker))
      #expect(first[range.upperBound..<range.upperBound + 100] != other[range.upperBound..<range.upperBound + 100])
    }
  }

  @Test("an empty state dict is an empty OrderedDict")
  func empty() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try StateDict().write(to: url, format: .pytorch)
      let text = try python("import sys, torch; print(repr(torch.load(sys.argv[1])))", [url.path])
      #expect(text == "OrderedDict()\n" || text == "OrderedDict([])\n")
    }
  }

  @Test("tensors that PyTorch cannot hold are all named, and nothing is written")
  func unrepresentable() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for (name, dtype, shape) in [
        ("fine", .f4, [3, 2]), ("six", .f6e2m3, [4]), ("other six", .f6e3m2, [8]), ("odd", .f4, [2, 3]),
        ("deep", .u8, try Shape(Array(repeating: 1, count: 65))),
      ] as [(String, DType, Shape)] {
        let count = try dtype.byteCount(of: shape.elementCount)
        try state.append(
          name, LazyTensor(dtype: dtype, shape: shape, content: .memory(Array(repeating: 0, count: count))))
      }
      let error = #expect(throws: WeightFileError.self) {
        try state.write(to: directory.appending(path: "weights.pt"), format: .pytorch)
      }
      #expect(error?.code == .unrepresentable)
      for name in ["six", "other six", "odd", "deep"] { #expect(error?.reason.contains(name + ": ") == true) }
      #expect(error?.reason.contains("fine") == false)
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(files.isEmpty)
    }
  }
}
