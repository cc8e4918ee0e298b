import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct ConvertCommandTests {
  private let checkpoint = Project.fixture("models/attention-classifier/positions/checkpoint.pt").path

  @Test(
    "a checkpoint that torch wrote becomes every format, equal bit for bit",
    arguments: ["safetensors", "pt", "h5", "npz", "gguf"])
  func everyFormat(ending: String) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model." + ending).path
      let ran = try tensorferry("convert", checkpoint, output)
      #expect(ran.status == 0, "\(ran.errors)")
      #expect(try tensorferry("diff", checkpoint, output).status == 0)
    }
  }

  @Test("torch loads the .pt that is written, with and without mapping it, and safetensors the other")
  func readBack() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      #expect(try tensorferry("convert", checkpoint, path("a.pt")).status == 0)
      #expect(try tensorferry("convert", checkpoint, path("a.safetensors")).status == 0)
      try python(
        """
        import sys, torch, tensorferry
        from safetensors.torch import load_file
        want = torch.load(sys.argv[1], weights_only=True)
        got = [torch.load(sys.argv[2], weights_only=True, mmap=mmap) for mmap in (False, True)] + [load_file(sys.argv[3])]
        for state in got:
            assert state.keys() == want.keys() and all(torch.equal(state[k], want[k]) for k in want)
            tensorferry.AttentionClassifier(64, 32, 10).load_state_dict(state, strict=True)
        """, [checkpoint, path("a.pt"), path("a.safetensors")])
    }
  }

  @Test("a lossy cast is refused, permitted on request, and told in the plan")
  func casts() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "half.safetensors").path
      let refused = try tensorferry("convert", checkpoint, output, "--dtype", "bf16")
      #expect(refused.status == 2 && refused.errors.contains("--allow-lossy") && refused.errors.contains("fc.weight"))
      let plan = try tensorferry("convert", checkpoint, output, "--dtype", "bf16", "--dry-run", "--json")
      #expect(try plan.status == 0 && plan.json["bytes"]?.int == 2443 * 2)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
      #expect(try tensorferry("convert", checkpoint, output, "--dtype", "bf16", "--allow-lossy").status == 0)
      let difference = try tensorferry("diff", checkpoint, output)
      #expect(difference.status == 1 && difference.output.contains("F32 and BF16"))
    }
  }

  @Test("a dry run is refused if the conversion would be, before a value is read for a cast")
  func refusedPlan() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        "import sys, torch; torch.save({'x': torch.ones(2, 3).bfloat16(), 'y': torch.full((5,), 0.1)}, sys.argv[1])",
        [path("x.pt")])
      for options in [["--dry-run"], ["--dry-run", "--json"], ["--dtype", "bf16"]] {
        let ran = try run(Project.command, ["convert", path("x.pt"), path("x.npz")] + options, in: nil)
        #expect(ran.status == 2 && ran.errors.contains("numpy has no type for BF16"), "\(options): \(ran.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["x.pt"])
    }
  }

  @Test("packed weights are told when a cast leaves them, and blocks when a format has none")
  func packed() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, gguf, numpy as np, torch
        from safetensors.torch import save_file
        save_file({"k.weight": torch.zeros(4, 3).to(torch.float8_e4m3fn), "k.weight_scale_inv": torch.ones(1, 2),
                   "plain": torch.ones(5)}, sys.argv[1])
        writer = gguf.GGUFWriter(sys.argv[2], "x")
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor("q", gguf.quants.quantize(np.ones((3, 64), "f4"), kind), raw_dtype=kind)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        """, [path("p.safetensors"), path("q.gguf")])
      let ran = try tensorferry("convert", path("p.safetensors"), path("o.safetensors"), "--dtype", "f16")
      #expect(ran.status == 0 && ran.output.contains("cast    1 tensor to F16"), "\(ran.output)")
      #expect(ran.output.contains("kept    2 tensors of packed weights as they are, such as 'k.weight"))
      let json = try tensorferry("convert", path("p.safetensors"), path("o.pt"), "--dtype", "f16", "--json").json
      #expect(json["packed"] == ["k.weight_scale_inv", "k.weight"])
      let blocks = try tensorferry("convert", path("q.gguf"), path("q.pt"))
      #expect(blocks.status == 2 && blocks.errors.contains("--dequantise reads quantised blocks as F32"))
      #expect(try tensorferry("convert", path("q.gguf"), path("q.pt"), "--dequantise").status == 0)
    }
  }

  @Test("of shards the index is named, of what needs no shards the file")
  func writtenPath() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "m.safetensors").path
      let index = output + ".index.json"
      let shards = try tensorferry("convert", checkpoint, output, "--shard-size", "4KB")
      #expect(shards.status == 0 && shards.output.contains("wrote   \(index): "), "\(shards.output)")
      let ran = try tensorferry("convert", checkpoint, output, "--shard-size", "1GB", "--force", "--json")
      #expect(try ran.json["output"]?.string == output)
      #expect(try tensorferry("diff", checkpoint, output).status == 0)
    }
  }

  @Test("tensors are selected by key, prefix and pattern; a pattern that matches nothing is an error")
  func selection() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "part.safetensors").path
      let input = Project.fixture("hdf5/checkpoint.h5").path
      let ran = try tensorferry(
        "convert", input, output, "--key", "model", "--strip-prefix", "module.", "--include", "fc.*", "--exclude",
        "*.bias",
        "--json")
      #expect(try ran.json["tensors"]?.array?.compactMap { $0["name"]?.string } == ["fc.weight"], "\(ran.errors)")
      let none = try tensorferry("convert", input, output, "--force", "--include", "decoder.*")
      #expect(none.status == 2 && none.errors.contains("'decoder.*' matches no tensor"))
    }
  }

  @Test("a set of shards is written with its index, and read again through it and by safetensors")
  func shards() throws {
    try withTemporaryDirectory { directory in
      let index = directory.appending(path: "model.safetensors.index.json").path
      #expect(try tensorferry("convert", checkpoint, index, "--shard-size", "2KB").status == 0)
      #expect(try tensorferry("diff", checkpoint, index).status == 0)
      #expect(try tensorferry("diff", checkpoint, directory.path).status == 0)
      try python(
        """
        import sys, json, os, torch
        from safetensors.torch import load_file
        index = json.load(open(sys.argv[2])); folder = os.path.dirname(sys.argv[2])
        state = {}
        for name in set(index["weight_map"].values()): state.update(load_file(os.path.join(folder, name)))
        want = torch.load(sys.argv[1], weights_only=True)
        assert len(set(index["weight_map"].values())) > 1
        assert state.keys() == want.keys() and all(torch.equal(state[k], want[k]) for k in want)
        """, [checkpoint, index])
      #expect(try tensorferry("convert", checkpoint, "x.h5", "--shard-size", "2KB").status == 64)
    }
  }

  @Test("an output that is the input is refused, under whatever name", arguments: ["same", "symlink", "hardlink"])
  func sameFile(kind: String) throws {
    try withTemporaryDirectory { directory in
      let input = directory.appending(path: "a.pt")
      let other = directory.appending(path: "b.pt")
      try FileManager.default.copyItem(atPath: checkpoint, toPath: input.path)
      if kind == "symlink" { try FileManager.default.createSymbolicLink(at: other, withDestinationURL: input) }
      if kind == "hardlink" { try FileManager.default.linkItem(at: input, to: other) }
      let output = kind == "same" ? input : other
      for options in [[], ["--force"]] {
        let ran = try run(Project.command, ["convert", input.path, output.path] + options)
        #expect(ran.status == 2 && ran.errors.contains("the output is the input"), "\(ran.errors)")
      }
      #expect(try Data(contentsOf: input) == Data(contentsOf: URL(filePath: checkpoint)))
    }
  }

  @Test("an output that is a directory is refused, with --force too", arguments: [[], ["--force"]])
  func outputDirectory(options: [String]) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out.h5")
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: false)
      let ran = try run(Project.command, ["convert", checkpoint, output.path] + options)
      #expect(ran.status == 2 && ran.errors.contains("the output is a directory"), "\(ran.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).isEmpty)
    }
  }

  @Test("an input that is no regular file is refused at once: a pipe, a device, an empty directory")
  func inputKinds() throws {
    try withTemporaryDirectory { directory in
      let pipe = directory.appending(path: "pipe.pt").path
      try python("import os, sys; os.mkfifo(sys.argv[1])", [pipe])
      for (input, reason) in [
        (pipe, "is not a regular file"), ("/dev/zero", "is not a regular file"),
        (directory.path, "the directory holds neither"),
      ] {
        let ran = try tensorferry("convert", input, directory.appending(path: "out.h5").path)
        #expect(ran.status == 2 && ran.errors.contains(reason), "\(ran.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["pipe.pt"])
    }
  }

  @Test("names that the format cannot hold are told, and written on request; the plan tells what they become")
  func escapedNames() throws {
    try withTemporaryDirectory { directory in
      let input = directory.appending(path: "a.safetensors").path
      let output = directory.appending(path: "a.h5").path
      try python(
        """
        import sys, torch; from safetensors.torch import save_file
        save_file({"a/b": torch.ones(2, 3), "a": torch.zeros(3)}, sys.argv[1], {"format": "pt"})
        """, [input])
      let refused = try tensorferry("convert", input, output)
      #expect(refused.status == 2 && refused.errors.contains("'a/b'") && refused.errors.contains("--escape-names"))
      let written = try tensorferry("convert", input, output, "--escape-names", "--json")
      #expect(try written.json["tensors"]?.array?.compactMap { $0["written_name"]?.string } == ["a", "a%2Fb"])
      #expect(try tensorferry("diff", input, output).status == 0)
    }
  }

  @Test("an output whose extension names no format is a usage error")
  func unknownExtension() throws {
    #expect(try tensorferry("convert", checkpoint, "model.xyz").status == 64)
  }
}
