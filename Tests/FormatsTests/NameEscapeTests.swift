import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// XF07: names that the target cannot hold.
@Suite struct NameEscapeTests {
  static let hostile = [
    "a/b", "a", "a.b", "/lead", "trail/", "a//b", ".", "..", "../up", "", "%", "100%", "%2F", "n\0l", "x\\y",
    "C:/drive",
    "__metadata__", "caf\u{E9}", "cafe\u{301}", "重み/w", "tensorferry.names",
  ]

  private func state(_ names: [String] = hostile) throws -> StateDict {
    var state = StateDict()
    for (index, name) in names.enumerated() { try state.append(name, patterned(.f32, [2, 3], seed: index)) }
    return state
  }

  @Test(
    "XF07 hostile names survive every ordered pair of formats, escaped where they must be",
    arguments: WritableFormat.pairs)
  func pair(_ pair: FormatPair) throws {
    try withTemporaryDirectory { directory in
      let state = try state()
      let first = directory.appending(path: "first.\(pair.source.ending)")
      try Conversion(state, to: pair.source.format, escapingNames: true).write(to: first.path)
      let second = directory.appending(path: "second.\(pair.target.ending)")
      try Conversion(StateDict(contentsOf: first), to: pair.target.format, escapingNames: true).write(to: second.path)
      let result = try StateDict(contentsOf: second)
      #expect(result.names.map { Array($0.utf8) } == Self.hostile.map { Array($0.utf8) })
      #expect(try state.difference(from: result).tensorsAreEqual)
      #expect(result.metadata("tensorferry.names") == nil)
    }
  }

  @Test(
    "without the option every name is told, and nothing is written", arguments: ["hdf5", "npz", "gguf", "safetensors"])
  func refused(name: String) throws {
    let target = try #require(WritableFormat.all.first { $0.description == name })
    let told = [
      "hdf5": ["''", "'a/b'", "'/lead'", "'..'", "'n\\u{0}l'"], "npz": ["'/lead'", "'../up'", "'x\\y'", "'C:/drive'"],
      "gguf": ["'n\\u{0}l'"], "safetensors": ["'__metadata__'"],
    ]
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "out." + target.ending).path
      let error = #expect(throws: WeightFileError.self) {
        try Conversion(state(), to: target.format).write(to: path)
      }
      #expect(error?.code == .unrepresentable && error?.file == path)
      for name in told[name] ?? [] { #expect(error?.reason.contains(name) == true, "\(name)") }
      #expect(error?.reason.contains("--escape-names") == true)
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(left.isEmpty)
    }
  }

  @Test(
    "names that the format holds are written as they are, though the option is given", arguments: WritableFormat.all)
  func unneeded(target: WritableFormat) throws {
    let conversion = try Conversion(state(["a.%2F", "b%"]), to: target.format, escapingNames: true)
    #expect(conversion.result.names == ["a.%2F", "b%"] && conversion.result.metadata.isEmpty)
  }

  @Test("a file of another program keeps its names, whatever percent signs they hold")
  func foreign() throws {
    try withTemporaryDirectory { directory in
      let paths = ["x.safetensors", "x.h5", "x.npz", "x.pt"].map { directory.appending(path: $0).path }
      try python(
        """
        import sys, h5py, numpy as np, torch
        from safetensors.numpy import save_file
        x = {"a%2Fb": np.ones((2, 3), np.float32)}
        save_file(x, sys.argv[1])
        with h5py.File(sys.argv[2], "w") as f: f["a%2Fb"] = x["a%2Fb"]
        np.savez(sys.argv[3], **x)
        torch.save({"a%2Fb": torch.ones(2, 3)}, sys.argv[4])
        """, paths)
      for path in paths { #expect(try StateDict(path: path).names == ["a%2Fb"]) }
    }
  }

  @Test("other programs see the escaped names")
  func readers() throws {
    try withTemporaryDirectory { directory in
      let paths = ["x.h5", "x.npz"].map { directory.appending(path: $0).path }
      for (path, format) in zip(paths, [HDF5Format(), NPZFormat()] as [any WeightFormat]) {
        try Conversion(state(["a/b", "x\\y", "..", "5%"]), to: format, escapingNames: true).write(to: path)
      }
      let names = try python(
        "import sys, h5py, numpy; print(list(h5py.File(sys.argv[1]))); print(numpy.load(sys.argv[2]).files)", paths)
      #expect(lines(names) == ["['a%2Fb', 'x\\\\y', '%2E%2E', '5%25']", "['a/b', 'x%5Cy', '..', '5%25']"])
    }
  }

  @Test("a name that is too long for GGUF stays refused, escaped or not")
  func tooLong() throws {
    try withTemporaryDirectory { directory in
      for name in [String(repeating: "n", count: 65), String(repeating: "n", count: 62) + "\0"] {
        let path = directory.appending(path: "out.gguf").path
        let error = #expect(throws: WeightFileError.self) {
          try Conversion(state([name]), to: .gguf(), escapingNames: true).write(to: path)
        }
        #expect(error?.code == .unrepresentable && error?.reason.contains("65 bytes") == true)
      }
    }
  }

  @Test("a marked file with a name that no escape gives is refused", arguments: ["a%", "a%2", "a%2f", "a%ZZ", "%FF"])
  func damaged(name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.safetensors")
      var state = try state([name])
      state.metadata = [.init("tensorferry.names", "percent")]
      try state.write(to: url, format: .safetensors)
      #expect { try StateDict(contentsOf: url) } throws: { error in
        let error = error as? WeightFileError
        return error?.code == .malformed && error?.tensor == name && error?.file == url.path
      }
    }
  }

  @Test("two names of a marked file that mean the same are refused")
  func duplicate() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.safetensors")
      var state = try state(["A", "%41"])
      state.metadata = [.init("tensorferry.names", "percent")]
      try state.write(to: url, format: .safetensors)
      #expect { try StateDict(contentsOf: url) } throws: { ($0 as? TensorError)?.code == .duplicateName }
    }
  }

  @Test("tied names stay tied under their escaped names")
  func ties() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      let tensor = try patterned(.f32, [2, 3])
      try state.append("a/b", tensor)
      try state.append("c/d", tensor, aliasOf: "a/b")
      let path = directory.appending(path: "x.h5").path
      try Conversion(state, to: .hdf5, escapingNames: true).write(to: path)
      #expect(try StateDict(path: path).sharedNames == [["a/b", "c/d"]])
    }
  }
}
