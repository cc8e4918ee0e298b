import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files that real programs wrote, damaged, and what a check finds in them.
@Suite struct FormatCheckTests {
  private func findings(in url: URL) throws -> [String] {
    let opened = Result { try StateDict(contentsOf: url) }
    return try FormatFinding.findings(in: url.path, opened: opened).map { "\($0.severity.rawValue): \($0)" }
  }

  /// Runs Python that writes `path`, and checks the file.
  private func findings(_ ending: String, _ code: String) throws -> [String] {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x." + ending)
      try python("import sys; path = sys.argv[1]\n" + code, [url.path])
      return try findings(in: url)
    }
  }

  private func expect(_ found: [String], _ sentences: String...) {
    #expect(found.count == sentences.count, "\(found)")
    for sentence in sentences { #expect(found.contains { $0.contains(sentence) }, "\(sentence): \(found)") }
  }

  @Test("nothing is found in what is written here", arguments: WritableFormat.all)
  func own(target: WritableFormat) throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for (name, dtype) in [("a.weight", DType.i8), ("b.weight", .f64), ("c.weight", .f16), ("d.weight", .f32)] {
        try state.append(name, patterned(dtype, [3, 5]))
      }
      try state.append("large", patterned(.f32, [512, 1024]))
      state.metadata = [.init("format", "pt"), .init("general.architecture", "none")]
      let url = directory.appending(path: "x." + target.ending)
      let format = target.ending == "h5" ? .hdf5(attributes: [("producer", "test")]) : target.format
      try state.write(to: url, format: format)
      #expect(try findings(in: url) == [])
    }
  }

  @Test("safetensors: header, order, alignment and metadata of a file that the library reads")
  func safetensorsLayout() throws {
    let found = try findings(
      "safetensors",
      """
      import json, struct
      header = {"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
                "b": {"dtype": "F32", "shape": [2], "data_offsets": [3, 11]}}
      text = json.dumps(header).encode()
      text += b" " * ((3 - len(text)) % 8)
      open(path, "wb").write(struct.pack("<Q", len(text)) + text + bytes(11))
      from safetensors import safe_open
      assert safe_open(path, "np").keys() == ["a", "b"]
      """)
    expect(
      found, "warning: the header is not padded", "warning: the metadata has no 'format'",
      "warning: the data is misaligned", "warning: the data is not sorted by element size: 32 bits follow 8")
  }

  @Test("safetensors: every unknown type and every wrong size of one file is told")
  func safetensorsEntries() throws {
    let found = try findings(
      "safetensors",
      """
      import numpy as np
      from safetensors.numpy import save_file
      save_file({n: np.ones((2, 3), np.float32) for n in "abcd"}, path, {"format": "np"})
      data = open(path, "rb").read()
      data = data.replace(b'"a":{"dtype":"F32"', b'"a":{"dtype":"F99"').replace(b'"c":{"dtype":"F32"', b'"c":{"dtype":"X32"')
      data = data.replace(b'"d":{"dtype":"F32","shape":[2,3]', b'"d":{"dtype":"F32","shape":[2,7]')
      open(path, "wb").write(data)
      """)
    expect(found, "error: the element type 'F99'", "error: the element type 'X32'", "error: F32 [2, 7] does not take")
    #expect(found.last?.contains("tensor 'd'") == true)
  }

  @Test("safetensors: an index that disagrees with its shards is told as a whole")
  func safetensorsIndex() throws {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, json, torch
        from huggingface_hub import save_torch_state_dict
        folder = sys.argv[1]
        save_torch_state_dict({n: torch.ones(10, 25) for n in "abcd"}, folder, max_shard_size=2000)
        path = folder + "/model.safetensors.index.json"
        index = json.load(open(path))
        assert len(set(index["weight_map"].values())) == 2
        index["weight_map"]["ghost"] = index["weight_map"]["a"]
        del index["weight_map"]["d"]
        index["metadata"]["total_size"] = 5
        json.dump(index, open(path, "w"))
        open(folder + "/model-00003-of-00002.safetensors", "wb").write(b"")
        """, [directory.path])
      expect(
        try findings(in: directory), "which does not hold it (tensor 'ghost')",
        "the index does not have the tensor in this shard (tensor 'd')", "total_size of 5, the tensors take 4000",
        "warning: the file 'model-00003-of-00002.safetensors' is named like a shard")
    }
  }

  @Test("pytorch: flipped bits in two storages, alignment, missing records, a storage of no tensor")
  func pytorch() throws {
    let found = try findings(
      "pt",
      """
      import torch, zipfile
      torch.save({"a": torch.full((2, 3), 7.25), "b": torch.full((3, 5), 9.5)}, path)
      old = zipfile.ZipFile(path); members = {i.filename: old.read(i) for i in old.infolist()}; old.close()
      with zipfile.ZipFile(path, "w") as new:
          for name, content in members.items():
              if name.split("/", 1)[1] not in ("byteorder", ".format_version", ".storage_alignment"):
                  new.writestr(name, content)
          new.writestr(name.split("/")[0] + "/data/9", bytes(24))
      data = open(path, "rb").read()
      for value in (7.25, 9.5):
          import struct
          data = data.replace(struct.pack("<f", value), struct.pack("<f", -value), 1)
      open(path, "wb").write(data)
      """)
    #expect(found.count { $0.hasPrefix("error: ") && $0.contains("CRC-32") } == 2, "\(found)")
    for sentence in [
      "no tensor refers to it", "the record 'byteorder' is missing", "'.format_version' and '.storage_alignment'",
      "no multiple of 64",
    ] { #expect(found.contains { $0.contains("warning: ") && $0.contains(sentence) }, "\(sentence): \(found)") }
  }

  @Test("pytorch: what torch itself writes has nothing wrong, in its old form it has no checksums")
  func pytorchPlain() throws {
    let code = "import torch; torch.save({'w': torch.ones(2, 3)}, path"
    #expect(try findings("pt", code + ")") == [])
    expect(
      try findings("pt", code + ", _use_new_zipfile_serialization=False)"), "warning: the file is in the form of before"
    )
  }

  @Test("npz: deflated members, members that are no arrays, a flipped bit, alignment")
  func npz() throws {
    expect(
      try findings("npz", "import numpy as np; np.savez_compressed(path, a=np.ones((2, 3)), b=np.ones(4))"),
      "warning: the member is deflated", "warning: the member is deflated")
    let found = try findings(
      "npz",
      """
      import numpy as np, struct, zipfile
      np.savez(path, a=np.full((2, 3), 7.25), b=np.full((3, 5), 9.5))
      with zipfile.ZipFile(path, "a") as z: z.writestr("notes.txt", "hello")
      data = open(path, "rb").read()
      for value in (7.25, 9.5): data = data.replace(struct.pack("<d", value), struct.pack("<d", -value), 1)
      open(path, "wb").write(data)
      """)
    #expect(found.count { $0.hasPrefix("error: ") && $0.contains("CRC-32") } == 2, "\(found)")
    #expect(found.contains { $0.contains("does not end in .npy") && $0.contains("notes.txt") }, "\(found)")
    #expect(found.contains { $0.contains("no multiple of 64") }, "\(found)")
  }

  @Test("gguf: no architecture, padding that is not 0, bytes behind the end")
  func gguf() throws {
    let write = """
      import gguf, numpy as np
      w = gguf.GGUFWriter(path, ARCH)
      w.add_tensor("a", np.ones((3, 5), np.float32)); w.add_tensor("b", np.ones(7, np.float32))
      w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

      """
    #expect(try findings("gguf", write.replacing("ARCH", with: "'llama'")) == [])
    expect(
      try findings(
        "gguf",
        write.replacing("ARCH", with: "''")
          + """
          data = bytearray(open(path, "rb").read())
          end = data.rindex(np.ones(7, np.float32).tobytes())
          data[end - 1] = 1
          open(path, "wb").write(bytes(data) + b"behind")
          """),
      "warning: run of bytes that belong to no tensor: 6 bytes", "'general.architecture' is missing",
      "warning: the 4 bytes of padding behind the tensor are not all 0 (tensor 'a'")
  }

  @Test("hdf5: values that their SHA-256 contradicts, in every storage")
  func hdf5Hashes() throws {
    expect(
      try findings(
        "h5",
        """
        import h5py, hashlib, numpy as np
        with h5py.File(path, "w") as f:
            for name, more in [("a", {}), ("b", dict(chunks=(2, 2), compression="gzip")), ("c", {}), ("big", dict(dtype=">f4"))]:
                x = np.arange(15, dtype=np.float32).reshape(3, 5)
                d = f.create_dataset(name, data=x, **more)
                d.attrs["sha256"] = hashlib.sha256(x.tobytes()).hexdigest()
            f["a"][1, 2] = 99
            f["b"][2, 4] = 99
        """), "error: the SHA-256 is ", "object '/b'")
  }

  @Test("hdf5: the rules of tensorferry.weights/1 that h5py broke in a file of ours")
  func hdf5Profile() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.h5")
      var state = StateDict()
      for name in ["a", "b", "c"] { try state.append(name, patterned(.f32, [3, 5])) }
      try state.write(to: url, format: .hdf5(attributes: [("producer", "test")]))
      #expect(try findings(in: url) == [])
      try python(
        """
        import sys, h5py, numpy as np
        with h5py.File(sys.argv[1], "r+") as f:
            x = f["a"][...]
            del f["a"].attrs["sha256"]
            f["b"].attrs["dtype"] = "F32"
            f["c"].attrs["sha256"] = "ABC"
            f.create_group("g")
            f.create_dataset("chunked", data=x, chunks=(2, 2))
            f.create_dataset("big", data=x, dtype=">f4")
            f.create_dataset("text", data="hello")
            f["soft"] = h5py.SoftLink("/a")
            f.attrs["model"] = "AttentionClassifier/1"
            f.attrs["provenance"] = "no JSON"
            del f.attrs["producer"]
        """, [url.path])
      let found = try findings(in: url)
      for sentence in [
        "'soft' is refused", "rule 1 of tensorferry.weights/1: the attribute 'producer' is missing",
        "'provenance' is not a JSON object", "rule 2", "rule 8 of tensorferry.weights/1: every link of the root must",
        "rule 9 of tensorferry.weights/1: the dataset is chunked", "rule 10", "rule 15", "64 hexadecimal digits",
        "rule 18", "rule 20", "the attribute has 'ABC'",
      ] { #expect(found.contains { $0.contains(sentence) }, "\(sentence): \(found)") }
    }
  }

  @Test("a file that cannot be read is an error among the findings, one of no format stays an error")
  func unreadable() throws {
    let found = try findings("gguf", "open(path, 'wb').write(b'GGUF' + bytes(3))")
    #expect(found.count == 1 && found[0].hasPrefix("error: "))
    #expect(throws: WeightFileError.self) { try findings("bin", "open(path, 'wb').write(b'nothing')") }
  }
}
