import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct InspectCommandTests {
  @Test("the JSON has the members that the reference promises, in order")
  func json() throws {
    let path = Project.fixture("hdf5/tied.h5").path
    let answer = try tensorferry("inspect", path, "--json").json
    #expect(answer.members?.map(\.key) == ["schema", "file", "metadata", "tensors", "packed", "other"])
    #expect(answer["schema"]?.string == "tensorferry.inspect/1")
    #expect(answer["file"]?["path"]?.string == path && answer["file"]?["format"]?.string == "hdf5")
    let tensors = try #require(answer["tensors"]?.array)
    #expect(tensors[0].members?.map(\.key) == ["name", "dtype", "shape", "bytes", "offset", "alias_of"])
    #expect(tensors[0]["bytes"]?.int == 11 * 4 * 4 && tensors[0]["offset"]?.int != nil)
    #expect(tensors.compactMap { $0["alias_of"]?.string } == ["decoder.weight", "decoder.weight"])
  }

  @Test("chunked, compact and big-endian data have no offset")
  func offsets() throws {
    let tensors =
      try tensorferry("inspect", Project.fixture("hdf5/storage-v108.h5").path, "--json").json["tensors"]?.array ?? []
    let offsets = Dictionary(uniqueKeysWithValues: tensors.map { ($0["name"]?.string ?? "", $0["offset"]) })
    for name in ["chunked", "compact", "all_filters"] { #expect(offsets[name] == .some(.some(.null)), "\(name)") }
  }

  @Test("--hash adds the SHA-256 that Python computes, --stats what numpy computes")
  func hashAndStatistics() throws {
    let url = Project.fixture("models/attention-classifier/vector/weights.h5")
    let printed = try python(
      """
      import sys, h5py, hashlib, numpy as np
      with h5py.File(sys.argv[1]) as f:
          for name, d in f.items():
              a = d[...]; print(name, hashlib.sha256(a.tobytes()).hexdigest(), float(a.min()), float(a.max()))
      """, [url.path])
    let tensors = try tensorferry("inspect", url.path, "--hash", "--stats", "--json").json["tensors"]?.array ?? []
    let found = tensors.map { tensor in
      [
        tensor["name"]?.string ?? "", tensor["sha256"]?.string ?? "", "\(tensor["stats"]?["min"]?.double ?? .nan)",
        "\(tensor["stats"]?["max"]?.double ?? .nan)",
      ].joined(separator: " ")
    }
    #expect(found == printed.split(separator: "\n").map(String.init))
  }

  @Test("a link out of the file is listed with its problem; --check makes it status 2")
  func check() throws {
    let path = Project.fixture("hdf5/broken/external-link.h5").path
    let listed = try tensorferry("inspect", path, "--json")
    #expect(listed.status == 0)
    #expect(try listed.json["other"]?.array?.first?["problem"]?.string?.contains("external link") == true)
    #expect(try tensorferry("inspect", path, "--check").status == 2)
    #expect(try tensorferry("inspect", Project.fixture("hdf5/tied.h5").path, "--check").status == 0)
  }

  @Test("--check lists findings as text and as JSON; warnings have status 0, errors 2")
  func findings() throws {
    try withTemporaryDirectory { directory in
      let paths = ["good.npz", "bad.npz", "cut.npz"].map { directory.appending(path: $0).path }
      try python(
        """
        import sys, numpy as np
        np.savez_compressed(sys.argv[1], a=np.ones((2, 3)))
        np.savez(sys.argv[2], a=np.full((2, 3), 7.25))
        data = bytearray(open(sys.argv[2], "rb").read()); data[data.index(bytes.fromhex("1d40"))] ^= 1
        open(sys.argv[2], "wb").write(data)
        open(sys.argv[3], "wb").write(data[:-9])
        """, paths)
      let good = try tensorferry("inspect", paths[0], "--check")
      #expect(good.status == 0 && good.output.contains("check: 0 errors, 1 warning"), "\(good.output)")
      #expect(good.output.contains("  WARNING the member is deflated"))
      let bad = try tensorferry("inspect", paths[1], "--check", "--json")
      let checks = try #require(try bad.json["checks"]?.array)
      #expect(bad.status == 2 && checks.contains { $0["severity"]?.string == "error" }, "\(bad.output)")
      #expect(checks.first?.members?.map(\.key) == ["severity", "message", "file", "tensor", "place"])
      let cut = try tensorferry("inspect", paths[2], "--check", "--json")
      #expect(try cut.status == 2 && cut.json["checks"]?.array?.count == 1, "\(cut.output)")
      #expect(try tensorferry("inspect", paths[1], "--json").json["checks"] == nil)
    }
  }

  @Test("a long value of metadata is shortened as text and whole as JSON; the tree names what is refused")
  func longMetadata() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "x.pt").path
      try python(
        "import sys, torch; torch.save({'w': torch.ones(2, 3), 's': torch.ones(4, 5).to_sparse(), 'words': ['word'] * 90}, sys.argv[1])",
        [path])
      let text = try tensorferry("inspect", path).output
      #expect(text.contains("(631 bytes; --json prints all)"), "\(text)")
      #expect(text.split(separator: "\n").allSatisfy { $0.count < 140 })
      #expect(try tensorferry("inspect", path, "--json").json["metadata"]?["words"]?.array?.count == 90)
      #expect(try tensorferry("inspect", path, "--tree").output.contains("REFUSED s: sparse tensor"))
    }
  }

  @Test("the tree shows each part once")
  func tree() throws {
    let ran = try tensorferry("inspect", Project.fixture("hdf5/layout-nested.h5").path, "--tree")
    #expect(ran.output.contains("  fc\n    bias  F32 [5]\n    weight  F32 [5, 7]\n"), "\(ran.output)")
  }
}

@Suite struct CommandTests {
  @Test("usage errors have status 64, help and version 0")
  func usage() throws {
    #expect(try tensorferry("inspect").status == 64)
    #expect(try tensorferry("frobnicate").status == 64)
    #expect(try tensorferry("convert", "a.h5", "b.unknown").status == 2)
    let version = try tensorferry("--version")
    #expect(version.status == 0 && version.output.contains("."))
    for command in ["inspect", "convert", "import", "diff", "predict", "verify"] {
      let help = try tensorferry("help", command)
      #expect(help.status == 0 && help.output.contains("EXAMPLES"))
    }
  }

  @Test("completions are made for three shells", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let ran = try tensorferry("--generate-completion-script", shell)
    #expect(ran.status == 0 && ran.output.contains("verify"))
  }

  @Test("an archive of Keras leaves nothing where it was unpacked, and says so if it cannot be", arguments: [0, 8])
  func kerasArchive(method: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "x.keras").path
      try python(
        """
        import h5py, io, sys, zipfile, numpy as np
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as f:
          f["layers/dense/vars/0"] = np.zeros((3, 2), "f4")
          f["layers/dense/vars"].attrs["name"] = "fc"
        with zipfile.ZipFile(sys.argv[1], "w", int(sys.argv[2])) as z:
          z.writestr("config.json", '{"class_name": "Sequential", "config": {"name": "net", "layers": []}}')
          z.writestr("model.weights.h5", buffer.getvalue())
        """, [path, String(method)])
      let scratch = directory.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: false)
      let arguments = ["inspect", path, "--json", "--hash"]
      let done = try run(Project.command, arguments, environment: ["TMPDIR": scratch.path])
      #expect(try done.json["tensors"]?.array?.map { $0["name"]?.string } == ["fc.kernel"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
      let failed = try run(Project.command, arguments, environment: ["TMPDIR": scratch.path + "/none"])
      #expect(failed.status == 2 && failed.errors.contains("cannot make a folder"))
    }
  }
}
