import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// What every command that reads weights can be told about them.
@Suite struct InputOptionsTests {
  /// A classifier whose parameters are bfloat16 of ml_dtypes, in HDF5 and in NumPy, and an 8-bit float beside it.
  private func withFiles(_ body: (_ directory: URL, _ path: (String) -> String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, h5py, ml_dtypes, numpy as np
        rng = np.random.default_rng(1)
        shapes = {'fc.weight': (5, 7), 'fc.bias': (5,), 'attention.weight': (1, 5), 'attention.bias': (1,),
                  'classifier.weight': (3, 5), 'classifier.bias': (3,)}
        state = {name: rng.standard_normal(shape).astype(ml_dtypes.bfloat16) for name, shape in shapes.items()}
        with h5py.File(sys.argv[1] + '/void.h5', 'w') as f:
            for name, a in state.items(): f[name] = a
        with h5py.File(sys.argv[1] + '/numbers.h5', 'w') as f:
            kind = h5py.h5t.IEEE_F32LE.copy(); kind.set_fields(15, 7, 8, 0, 7); kind.set_size(2); kind.set_ebias(127)
            for name, a in state.items():
                d = h5py.h5d.create(f.id, name.encode(), kind, h5py.h5s.create_simple(a.shape))
                d.write(h5py.h5s.ALL, h5py.h5s.ALL, a.view('V2'), kind)
        with h5py.File(sys.argv[1] + '/both.h5', 'w') as f:
            f['b'] = state['fc.bias']; f['e'] = np.ones((2, 3), ml_dtypes.float8_e4m3fn)
        np.savez(sys.argv[1] + '/void.npz', **state)
        np.save(sys.argv[1] + '/void.npy', state['fc.weight'])
        np.save(sys.argv[1] + '/x.npy', rng.standard_normal((4, 7)).astype('f4'))
        """, [directory.path])
      try body(directory) { directory.appending(path: $0).path }
    }
  }

  @Test("inspect lists raw bytes with the hint and status 0; --check makes it 2", arguments: ["void.h5", "void.npz"])
  func inspect(file: String) throws {
    try withFiles { _, path in
      let ran = try tensorferry("inspect", path(file))
      #expect(ran.status == 0 && ran.output.contains("--void-type names it (bf16"), "\(ran.output)\(ran.errors)")
      let other = try tensorferry("inspect", path(file), "--json").json["other"]?.array ?? []
      #expect(
        other.count == 6 && other.allSatisfy { $0["problem"]?.string?.hasPrefix("raw bytes: 2 raw bytes") == true })
      #expect(try tensorferry("inspect", path(file), "--check").status == 2)
      let told = try tensorferry("inspect", path(file), "--void-type", "bf16", "--check", "--json")
      #expect(try told.status == 0 && told.json["tensors"]?.array?.compactMap { $0["dtype"]?.string }.count == 6)
    }
  }

  @Test("every command that needs the tensors refuses raw bytes by name, and takes them with the option")
  func everyCommand() throws {
    try withFiles { _, path in
      let commands: [(word: String, arguments: [String])] = [
        ("fc.weight", ["convert", path("void.h5"), path("a.safetensors")]),
        ("fc.weight", ["convert", path("void.npz"), path("b.safetensors")]),
        ("void", ["convert", path("void.npy"), path("c.safetensors")]),
        ("fc.weight", ["diff", path("void.h5"), path("numbers.h5")]),
        ("fc.weight", ["import", path("void.h5"), "-o", path("d.h5")]),
        ("fc.weight", ["predict", path("void.h5"), path("x.npy")]),
      ]
      for (word, arguments) in commands {
        let refused = try run(Project.command, arguments)
        #expect(refused.status == 2 && refused.errors.contains("'\(word)'"), "\(arguments) \(refused.errors)")
        #expect(refused.errors.contains("--void-type"), "\(arguments) \(refused.errors)")
        let taken = try run(Project.command, arguments + ["--void-type", "bf16"])
        #expect(taken.status == 0, "\(arguments) \(taken.output)\(taken.errors)")
      }
      for output in ["a.safetensors", "d.h5"] {
        #expect(try tensorferry("diff", path(output), path("numbers.h5")).status == 0, "\(output)")
      }
    }
  }

  @Test("the error of convert names every ambiguous dataset, and says both sizes where there are two")
  func everyName() throws {
    try withFiles { _, path in
      let ran = try tensorferry("convert", path("both.h5"), path("out.safetensors"), "--json")
      let message = try ran.json["message"]?.string ?? ""
      for word in ["'b'", "'e'", "2 raw bytes", "one raw byte"] { #expect(message.contains(word), "\(message)") }
      #expect(!FileManager.default.fileExists(atPath: path("out.safetensors")))
      let told = try tensorferry(
        "convert", path("both.h5"), path("out.safetensors"), "--void-type", "bf16", "--void-type", "f8_e4m3", "--json")
      #expect(try told.json["tensors"]?.array?.compactMap { $0["from"]?.string } == ["BF16", "F8_E4M3"])
    }
  }

  @Test("a type that is none, is packed, or is the second of its size is a usage error")
  func usage() throws {
    for types in [["brain"], ["f4"], ["block"], ["bf16", "f16"]] {
      let ran = try run(Project.command, ["inspect", "x.h5"] + types.flatMap { ["--void-type", $0] })
      #expect(ran.status == 64, "\(types) \(ran.errors)")
    }
    #expect(
      try tensorferry("inspect", Project.fixture("hdf5/tied.h5").path, "--void-type", "bf16", "--void-type", "bf16")
        .status == 0)
  }

  @Test("--dequantise gives the numbers that gguf-py computes; without it, other formats refuse the blocks")
  func dequantise() throws {
    try withTemporaryDirectory { directory in
      let path = { (name: String) in directory.appending(path: name).path }
      try python(
        """
        import sys, gguf, numpy as np
        from safetensors.numpy import save_file
        a = np.random.default_rng(2).standard_normal((3, 64)).astype('f4')
        blocks = gguf.quantize(a, gguf.GGMLQuantizationType.Q4_0)
        writer = gguf.GGUFWriter(sys.argv[1] + '/model.gguf', 'test')
        writer.add_tensor('w', blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        save_file({'w': gguf.dequantize(blocks, gguf.GGMLQuantizationType.Q4_0)}, sys.argv[1] + '/expected.safetensors')
        """, [directory.path])
      #expect(try tensorferry("convert", path("model.gguf"), path("out.safetensors")).status == 2)
      let ran = try tensorferry("convert", path("model.gguf"), path("out.safetensors"), "--dequantise")
      #expect(ran.status == 0, "\(ran.errors)")
      let difference = try tensorferry("diff", path("out.safetensors"), path("expected.safetensors"), "--json")
      #expect(try difference.json["equal_tensors"]?.int == 1 && difference.json["equal"] == .bool(true))
    }
  }

  @Test("an extension that names another format is told on the error stream and in the JSON, and changes nothing else")
  func contradictingExtension() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = Project.fixture("models/attention-classifier/positions/checkpoint.pt")
      let wrong = directory.appending(path: "model.h5")
      try FileManager.default.copyItem(at: checkpoint, to: wrong)
      let inspected = try tensorferry("inspect", wrong.path, "--json")
      #expect(inspected.status == 0)
      #expect(inspected.errors == "note: \(wrong.path): its extension names hdf5, its content is pytorch\n")
      #expect(try inspected.json["file"]?["format"]?.string == "pytorch")
      #expect(try inspected.json["file"]?["extension_format"]?.string == "hdf5")
      let output = directory.appending(path: "out.safetensors").path
      let converted = try tensorferry("convert", wrong.path, output, "--json")
      #expect(try converted.status == 0 && converted.json["source"]?["extension_format"]?.string == "hdf5")
      #expect(converted.errors == inspected.errors)
      let right = try tensorferry("inspect", checkpoint.path, "--json")
      #expect(try right.errors.isEmpty && right.json["file"]?["extension_format"] == .some(.null))
    }
  }
}
