import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Texts in archives: metadata where they have no dimensions.
@Suite struct NumPyTextTests {
  private func archive(_ code: String) throws -> StateDict {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.npz")
      try python("import numpy as np, sys; path = sys.argv[1]\n" + code, [url.path])
      let state = try StateDict(contentsOf: url)
      return state
    }
  }

  @Test("a text without dimensions is metadata, in either byte order, in bytes and deflated")
  func read() throws {
    let state = try archive(
      """
      np.savez_compressed(path, w=np.ones(2), plain="a ß \\U0001f980", big=np.array("a\\u3042").astype(">U5"), empty="",
                          bytes=np.array(b"abc"), none=np.array(""), list=np.array(["a"]))
      """)
    #expect(state.names == ["w"])
    #expect(
      state.metadata == [
        .init("plain", "a ß \u{1f980}"), .init("big", "a\u{3042}"), .init("empty", ""), .init("bytes", "abc"),
        .init("none", ""),
      ])
    #expect(state.others.map(\.name) == ["list"])
  }

  @Test("what is no text of Unicode, or too long, is listed beside the tensors")
  func notTexts() throws {
    let state = try archive(
      """
      import io, zipfile
      header = "{'descr': '%s', 'fortran_order': False, 'shape': (), }\\n"
      def array(descr, data):
          text = (header % descr).encode()
          return b"\\x93NUMPY\\x01\\0" + len(text).to_bytes(2, "little") + text + data
      with zipfile.ZipFile(path, "w") as f:
          f.writestr("surrogate.npy", array("<U1", (0xD800).to_bytes(4, "little")))
          f.writestr("hole.npy", array("<U3", b"a\\0\\0\\0" + bytes(4) + b"b\\0\\0\\0"))
          f.writestr("latin.npy", array("|S1", b"\\xff"))
          f.writestr("short.npy", array("<U2", bytes(4)))
          f.writestr("huge.npy", array("<U9223372036854775807", bytes(4)))
          f.writestr("long.npy", array("<U16777217", bytes(4)))
      """)
    #expect(state.metadata.isEmpty)
    #expect(state.others.map(\.name) == ["surrogate", "hole", "latin", "short", "huge", "long"])
  }

  @Test("the metadata of a reference is written as texts, that of weights is not kept")
  func written() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("w", patterned(.f32, [2, 3]))
      state.metadata = [
        .init("format", "tensorferry.reference/1"), .init("manifest", "{\"ß\": 1}"), .init("seed", .integer(3)),
        .init("w", "the name of a tensor"),
      ]
      #expect(
        NPZFormat().losses(of: state) == ["the metadata 'seed' is not kept", "the metadata 'w' is not kept"])
      let url = directory.appending(path: "x.npz")
      try state.write(to: url, format: .npz)
      #expect(try StateDict(contentsOf: url).metadata == Array(state.metadata[..<2]))
      let printed = try python(
        "import numpy as np, sys; f = np.load(sys.argv[1]); print(f.files, f['manifest'], f['format'].shape)",
        [url.path])
      #expect(printed == "['w', 'format', 'manifest'] {\"ß\": 1} ()\n")

      state.metadata[0] = .init("format", "tensorferry.weights/1")
      try state.write(to: url, format: .npz, replacing: true)
      #expect(try StateDict(contentsOf: url).metadata.isEmpty)
    }
  }
}
