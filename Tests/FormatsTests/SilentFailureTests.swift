import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Eight files that programs in use read wrongly without a word. Each is made by the library itself, and each ends here
/// in its right values or in an error.
@Suite struct SilentFailureTests {
  /// Runs Python that writes `path` and may print what is right, opens the file, and gives both.
  private func open(_ ending: String, _ code: String) throws -> (state: StateDict, printed: String) {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x." + ending)
      let prelude = "import sys, json, torch, numpy as np, zipfile; path = sys.argv[1]\n"
      let printed = try python(prelude + code, [url.path])
      let state = try StateDict(contentsOf: url)
      // The open file outlives its name.
      return (state, printed)
    }
  }

  private func hex(_ tensor: LazyTensor?) throws -> String { try #require(tensor).read().bytes.hexadecimal }

  @Test("1: a flipped bit in a storage, which torch.load returns, is an error")
  func flippedBit() throws {
    let (state, _) = try open(
      "pt",
      """
      torch.save({"w": torch.full((2, 3), 7.25)}, path)
      data = bytearray(open(path, "rb").read()); data[data.index(bytes.fromhex("0000e840"))] ^= 1
      open(path, "wb").write(data)
      assert not torch.equal(torch.load(path)["w"], torch.full((2, 3), 7.25))
      """)
    #expect { try state["w"]?.read() } throws: { ($0 as? WeightFileError)?.code == .malformed }
  }

  @Test("2: a deflated record, whose deflated bytes torch.load(mmap=True) returns, is inflated")
  func deflated() throws {
    let (state, printed) = try open(
      "pt",
      """
      w = torch.arange(3000.).reshape(30, 100)
      torch.save({"w": w}, path)
      old = zipfile.ZipFile(path); members = {i.filename: old.read(i) for i in old.infolist()}; old.close()
      with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
          for name, content in members.items(): new.writestr(name, content)
      print(w.numpy().tobytes().hex())
      """)
    #expect(try hex(state["w"]) + "\n" == printed)
  }

  @Test("3: a strided view has the values that torch shows, not the storage's first bytes")
  func strided() throws {
    let (state, printed) = try open(
      "pt",
      """
      w = torch.arange(35.).reshape(5, 7)[1:, ::2].T
      torch.save({"w": w}, path)
      print(w.contiguous().numpy().tobytes().hex())
      """)
    #expect(try hex(state["w"]) + "\n" == printed && state["w"]?.shape == [4, 4])
  }

  @Test("4: two names of one storage stay tied, and views that overlap are told")
  func alias() throws {
    let (state, _) = try open(
      "pt",
      """
      w = torch.arange(6.).reshape(2, 3)
      torch.save({"embed": w, "head": w, "row": w[1]}, path)
      """)
    #expect(state.sharedNames == [["embed", "head"]])
    #expect(state.others.map { "\($0.name): \($0.kind)" } == ["row: partial tie"])
  }

  @Test("5: a repeated key, of which the library keeps one, is an error")
  func duplicateKey() throws {
    #expect {
      try open(
        "safetensors",
        """
        from safetensors.numpy import save_file, load_file
        save_file({"aa": np.ones(1, np.float32), "bb": np.zeros(1, np.float32)}, path)
        data = open(path, "rb").read().replace(b'"bb"', b'"aa"').replace(b"[4,8]", b"[0,4]")
        open(path, "wb").write(data[:-4])
        assert len(load_file(path)) == 1
        """)
    } throws: {
      ($0 as? WeightFileError)?.code == .malformed
    }
  }

  @Test("6: 8-bit floats keep their bits in HDF5, where its own conversion makes 448 a NaN")
  func float8() throws {
    let (state, printed) = try open(
      "pt",
      """
      w = torch.tensor([448., -448., 0.0625, -0.], dtype=torch.float32).to(torch.float8_e4m3fn)
      torch.save({"w": w}, path)
      print(w.view(torch.uint8).numpy().tobytes().hex())
      """)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.h5")
      try state.write(to: url, format: .hdf5)
      let read = try StateDict(contentsOf: url)["w"]
      #expect(try hex(read) + "\n" == printed && read?.dtype == .f8e4m3)
      let theirs = try python("import sys, h5py; print(h5py.File(sys.argv[1])['w'][...].tobytes().hex())", [url.path])
      #expect(theirs == printed)
    }
  }

  @Test("7: big-endian numbers are numbers, whichever library wrote them", arguments: ["npy", "h5", "gguf"])
  func bigEndian(ending: String) throws {
    let writers = [
      "npy": "np.save(path, x.astype('>f4'))", "h5": "import h5py; h5py.File(path, 'w')['x'] = x.astype('>f4')",
      "gguf": """
      import gguf
      w = gguf.GGUFWriter(path, "test", endianess=gguf.GGUFEndian.BIG)
      w.add_tensor("x", x); w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
      """,
    ]
    let (state, printed) = try open(
      ending,
      "x = np.arange(15, dtype=np.float32).reshape(3, 5) - 0.5; print(x.tobytes().hex())\n" + (writers[ending] ?? ""))
    #expect(try hex(state["x"]) + "\n" == printed)
  }

  @Test("8: a container that the pickle refers to before it is filled is full under both names")
  func memoised() throws {
    let (state, _) = try open(
      "pt",
      """
      shared = {}
      x = {"first": shared, "second": shared}
      shared["w"] = torch.ones(2, 3)
      torch.save(x, path)
      """)
    #expect(state.names == ["first.w", "second.w"] && state.sharedNames == [["first.w", "second.w"]])
  }
}
