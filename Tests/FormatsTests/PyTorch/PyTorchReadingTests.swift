import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files as PyTorch writes them, against PyTorch's own values.
@Suite struct PyTorchReadingTests {
  private static let files = Result { try TorchFile.make(dtypes + legacyDTypes + protocols + views + containers) }

  @Test("every dtype of PyTorch is read bit for bit", arguments: dtypes)
  func dtype(file: TorchCase) throws { try #require(try Self.files.get()[file.sentence]).check() }

  @Test("every dtype is read from a file as PyTorch wrote it before 1.6", arguments: legacyDTypes)
  func legacyDType(file: TorchCase) throws { try #require(try Self.files.get()[file.sentence]).check() }

  @Test("every pickle protocol is read, in archives and in legacy files", arguments: protocols)
  func pickleProtocol(file: TorchCase) throws { try #require(try Self.files.get()[file.sentence]).check() }

  @Test("a view has the values that PyTorch shows", arguments: views)
  func view(file: TorchCase) throws { try #require(try Self.files.get()[file.sentence]).check() }

  @Test("containers of every kind are read", arguments: containers)
  func container(file: TorchCase) throws { try #require(try Self.files.get()[file.sentence]).check() }

  @Test("100,000 tensors of a nested checkpoint are read in seconds")
  func manyTensors() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "many.pt")
      try python(
        """
        import sys, torch
        state = {f"model.layers.{i}.weight": torch.full((3,), i % 256, dtype=torch.uint8) for i in range(100000)}
        torch.save({"model": state, "epoch": 3}, sys.argv[1])
        """, [url.path])
      let elapsed = try ContinuousClock().measure {
        let state = try StateDict(contentsOf: url)
        #expect(state.count == 100_000)
        #expect(try state["model.model.layers.70001.weight"]?.read().bytes == [113, 113, 113])
      }
      #expect(elapsed < .seconds(120))
    }
  }

  private static let names = [
    "bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3fnuz",
    "float8_e5m2fnuz", "float4_e2m1fn_x2",
  ]

  static let dtypes = names.map { name in
    TorchCase(
      name,
      """
      x = {"w": random(torch.\(name), 3, 5), "empty": random(torch.\(name), 0, 2), "one": random(torch.\(name), 1)}
      save(x, x)
      """)
  }

  static let legacyDTypes = names.map { name in
    TorchCase(
      "legacy " + name,
      """
      x = {"w": random(torch.\(name), 3, 5), "a": random(torch.\(name), 7), "empty": random(torch.\(name), 0, 2)}
      save(x, x, _use_new_zipfile_serialization=False)
      """)
  }

  static let protocols = (1...5).flatMap { version in
    [true, false].map { isArchive in
      TorchCase(
        "protocol \(version) \(isArchive ? "in an archive" : "in a legacy file")",
        """
        m = torch.nn.Linear(3, 2)
        x = {"epoch": 3, "big": 2**63 + 5, "small": -2**40, "lr": 0.1, "name": "Zoë\\n\\u4e2d\\\\", "none": None,
             "yes": True, "list": [1, [2.5, "x"]], "tuple": (), "dict": {"a": {1: 2}}, "bytes": b"\\x00\\xff",
             "dtype": torch.bfloat16, "device": torch.device("cpu"), "size": torch.Size([2, 3]), "huge": 2**70,
             "model": m.state_dict()}
        plain = {"epoch": 3, "big": 2**63 + 5, "small": -2**40, "lr": 0.1, "name": "Zoë\\n\\u4e2d\\\\", "none": None,
                 "yes": True, "list": [1, [2.5, "x"]], "tuple": [], "dict": {"a": {"1": 2}}, "dtype": "torch.bfloat16",
                 "device": "cpu", "size": [2, 3], "model._metadata": {"": {"version": 1}}}
        save(x, {"model.weight": m.weight, "model.bias": m.bias}, metadata=plain, others=["bytes: byte string", "huge: value"],
             pickle_protocol=\(version), _use_new_zipfile_serialization=\(isArchive ? "True" : "False"))
        """)
    }
  }

  static let views = [
    TorchCase("transposed", "x = {'w': torch.randn(3, 5).T}\nsave(x, x)"),
    TorchCase("channels last", "x = {'w': torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)}\nsave(x, x)"),
    TorchCase("slice with an offset", "x = {'w': torch.randn(7, 5)[2:5, 1:4]}\nsave(x, x)"),
    TorchCase("every third element", "x = {'w': torch.randn(20, dtype=torch.float64)[1::3]}\nsave(x, x)"),
    TorchCase("permuted", "x = {'w': torch.randn(2, 3, 4).permute(2, 0, 1)}\nsave(x, x)"),
    TorchCase("expanded", "x = {'w': torch.randn(1, 3).expand(4, 3), 's': torch.tensor(2.5).expand(2, 2)}\nsave(x, x)"),
    TorchCase("diagonal", "x = {'w': torch.randn(4, 6).diagonal(1)}\nsave(x, x)"),
    TorchCase("windows that overlap", "x = {'w': torch.randn(9).unfold(0, 4, 2)}\nsave(x, x)"),
    TorchCase("conjugated", "x = {'w': torch.randn(3, 2, dtype=torch.complex64).conj()}\nsave(x, x)"),
    TorchCase("conjugated and transposed", "x = {'w': torch.randn(3, 2, dtype=torch.complex128).mH}\nsave(x, x)"),
    TorchCase(
      "imaginary part of a conjugated tensor",
      "x = {'w': torch.randn(4, dtype=torch.complex64).conj().imag}\nsave(x, x)"),
    TorchCase(
      "negated integers and halves",
      "x = {'i': torch._neg_view(torch.tensor([1, -2, -2**31, 0], dtype=torch.int32)), "
        + "'h': torch._neg_view(torch.randn(3).half()), 'u': torch._neg_view(torch.tensor([0, 1, 255], dtype=torch.uint8))}"
        + "\nsave(x, x)"),
    TorchCase(
      "negated complex numbers",
      "x = {'w': torch._neg_view(torch.randn(3, dtype=torch.complex64)), "
        + "'v': torch._neg_view(torch.randn(3, dtype=torch.complex64).conj())}\nsave(x, x)"),
    TorchCase(
      "transposed in a legacy file",
      "x = {'w': torch.randn(3, 5).T[1:]}\nsave(x, x, _use_new_zipfile_serialization=False)"),
    TorchCase("uint16 with an offset", "x = {'w': random(torch.uint16, 6, 4)[1:, ::2]}\nsave(x, x)"),
    TorchCase(
      "big-endian",
      """
      x = {"f": torch.randn(3, 2), "d": torch.randn(4, dtype=torch.float64), "c": torch.randn(2, dtype=torch.complex128),
           "h": torch.randn(5).half(), "i": torch.arange(3), "t": torch.randn(2, 3, dtype=torch.float64).T,
           "b": torch.tensor([True, False]), "u": random(torch.uint16, 3)}
      widths = [4, 8, 8, 2, 8, 8, 1, 2]
      def change(name, content):
        if name.endswith("byteorder"): return b"big"
        if "/data/" not in name: return content
        width = widths[int(name.split("/")[-1])]
        return np.frombuffer(content, f"u{width}").byteswap().tobytes()
      save(x, x, write=lambda path: rewrite(change)(x))
      """),
    TorchCase(
      "deflated",
      """
      x = {"w": torch.arange(5000.).reshape(50, 100), "t": torch.arange(600.).reshape(20, 30).T, "e": torch.zeros(0, 2)}
      save(x, x, write=lambda path: rewrite(lambda name, content: content, zipfile.ZIP_DEFLATED)(x))
      """),
    TorchCase(
      "without checksums",
      """
      x = {"w": torch.randn(3, 5)}
      torch.serialization.set_crc32_options(False)
      save(x, x)
      torch.serialization.set_crc32_options(True)
      """),
    TorchCase(
      "no more members than needed",
      """
      x = {"w": torch.randn(3, 5)}
      needed = ("data.pkl", "data/0", "version")
      save(x, x, write=lambda path: rewrite(lambda name, content: content if name.endswith(needed) else None)(x))
      """),
  ]

  static let containers = [
    TorchCase("a tensor alone", "x = torch.randn(2, 3)\nsave(x, {'weights': x})"),
    TorchCase("a list", "x = [torch.randn(2), torch.randn(3)]\nsave(x, {'0': x[0], '1': x[1]})"),
    TorchCase(
      "nested tuples and integer keys",
      "x = {5: (torch.ones(1), [torch.ones(2)])}\nsave(x, {'5.0': x[5][0], '5.1.0': x[5][1][0]})"),
    TorchCase(
      "collections",
      """
      d = collections.defaultdict(list); d["w"] = torch.randn(2)
      c = collections.Counter("aab")
      x = {"d": d, "c": c, "s": {3}, "e": {}}
      save(x, {"d.w": d["w"]}, metadata={"c": {"a": 2, "b": 1}, "s": [3], "e": {}})
      """),
    TorchCase(
      "a parameter",
      "x = {'p': torch.nn.Parameter(torch.randn(2, 3)), 'b': torch.nn.Buffer(torch.ones(2))}\nsave(x, x, others=['b: set of attributes'])"
    ),
    TorchCase(
      "attributes of tensors",
      """
      p = torch.nn.Parameter(torch.randn(3)); p.tag = "x"
      t = torch.randn(2); t.tag = "y"
      x = {"p": p, "t": t}
      save(x, x, others=["p: set of attributes", "t: set of attributes"])
      """),
    TorchCase(
      "a module's state dict with its _metadata",
      """
      m = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
      x = m.state_dict()
      save(x, x, metadata={"_metadata": {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 2}}})
      """),
    TorchCase(
      "tied tensors",
      """
      w = torch.randn(4, 3)
      x = {"a": w, "b": w, "c": w[:], "part": w[1:], "t": w.T}
      save(x, x, aliases={"b": "a", "c": "a"}, others=["t: partial tie", "part: partial tie"])
      """),
    TorchCase(
      "tied parameters of a module",
      """
      m = torch.nn.ModuleDict({"emb": torch.nn.Embedding(5, 3), "head": torch.nn.Linear(3, 5, bias=False)})
      m["head"].weight = m["emb"].weight
      x = m.state_dict(); del x._metadata
      save(x, x, aliases={"head.weight": "emb.weight"})
      """),
    TorchCase(
      "one dict under two keys",
      """
      sd = {"w": torch.randn(2, 3), "b": torch.randn(2)}
      x = {"model": sd, "ema": sd}
      save(x, {"model.w": sd["w"], "model.b": sd["b"], "ema.w": sd["w"], "ema.b": sd["b"]},
           aliases={"ema.w": "model.w", "ema.b": "model.b"})
      """),
    TorchCase(
      "views of one storage that do not overlap", "w = torch.randn(6)\nx = {'a': w[:2], 'b': w[2:]}\nsave(x, x)"),
    TorchCase(
      "a checkpoint with its optimizer",
      """
      m = torch.nn.Linear(3, 2)
      o = torch.optim.Adam(m.parameters(), lr=0.25)
      m(torch.randn(4, 3)).sum().backward(); o.step()
      x = {"epoch": 3, "model": m.state_dict(), "optimizer": o.state_dict(), "config": {"hidden": [1, 2]}}
      s = o.state_dict()["state"]
      tensors = {"model.weight": m.weight, "model.bias": m.bias}
      for i in (0, 1):
        for k in ("step", "exp_avg", "exp_avg_sq"): tensors[f"optimizer.state.{i}.{k}"] = s[i][k]
      save(x, tensors, metadata={"epoch": 3, "model._metadata": {"": {"version": 1}},
           "optimizer.param_groups": json.loads(json.dumps(o.state_dict()["param_groups"])), "config": {"hidden": [1, 2]}})
      """),
    TorchCase(
      "objects that no tensor depends on",
      """
      import argparse
      x = {"w": torch.ones(2), "args": argparse.Namespace(lr=0.1), "f": len}
      save(x, {"w": x["w"]}, others=["args: object", "f: value"])
      """),
    TorchCase(
      "TorchScript",
      """
      source = os.path.join(sys.argv[1], "scripted.py")
      open(source, "w").write(textwrap.dedent('''
      import torch
      class M(torch.nn.Module):
        def __init__(self):
          super().__init__()
          self.fc = torch.nn.Linear(3, 2)
          self.register_buffer("b", torch.arange(4))
          self.xs = [1, 2]
          self.d = {"a": torch.ones(2)}
        def forward(self, x):
          return self.fc(x)
      '''))
      sys.path.insert(0, sys.argv[1])
      import scripted
      m = scripted.M()
      flags = lambda p: {p + "training": True, p + "_is_full_backward_hook": None}
      save(m, {"b": m.b, "d.a": m.d["a"], "fc.weight": m.fc.weight, "fc.bias": m.fc.bias},
           metadata={**flags(""), "xs": [1, 2], **flags("fc.")}, others=["constants.pkl: program"],
           write=torch.jit.script(m).save)
      """),
  ]
}
