import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Where tensors stand in what is written: where file systems can share them with the source.
@Suite struct SharedPlacesTests {
  /// A safetensors file of the library with two large tensors and a small one, whose data begins at `rest` modulo 4096.
  private func source(beginning rest: Int, in directory: URL) throws -> StateDict {
    let path = directory.appending(path: "source-\(rest).safetensors").path
    try python(
      """
      import json, struct, sys
      import numpy as np
      from safetensors.numpy import save
      rng = np.random.default_rng(7)
      data = save({'a': rng.random((300, 1000), np.float32), 'b': rng.random((1100, 257), np.float32),
                   'c': rng.random((3, 5), np.float32)})
      size = struct.unpack('<Q', data[:8])[0]
      header = data[8:8 + size].rstrip()
      header += b' ' * ((int(sys.argv[2]) - 8 - len(header)) % 4096)
      open(sys.argv[1], 'wb').write(struct.pack('<Q', len(header)) + header + data[8 + size:])
      """, [path, String(rest)])
    return try StateDict(path: path)
  }

  private func rests(_ state: StateDict) -> [UInt64?] {
    state.filter { $0.tensor.byteCount >= 1 << 20 }.map { $0.tensor.fileOffset.map { $0 % 4096 } }
  }

  @Test(
    "the data of a safetensors file keeps the place of its source modulo 4096",
    arguments: [0, 64, 1496, 4088])
  func safetensors(rest: Int) throws {
    try withTemporaryDirectory { directory in
      let state = try source(beginning: rest, in: directory)
      let path = directory.appending(path: "x.safetensors").path
      try Conversion(state, to: .safetensors).write(to: path)
      let written = try StateDict(path: path)
      #expect(rests(written) == rests(state) && rests(state).first == UInt64(rest))
      try python("import sys; from safetensors.numpy import load_file; load_file(sys.argv[1])", [path])
    }
  }

  @Test("a place at which elements would be misaligned is not kept")
  func misaligned() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "x.safetensors").path
      try Conversion(source(beginning: 1501, in: directory), to: .safetensors).write(to: path)
      #expect(try rests(StateDict(path: path)).allSatisfy { ($0 ?? 1) % 64 == 0 })
    }
  }

  @Test(
    "large storages of .pt and arrays of .npz keep their place if it is a multiple of 64", arguments: ["pt", "npz"])
  func archives(ending: String) throws {
    try withTemporaryDirectory { directory in
      let format: any WeightFormat = ending == "pt" ? PyTorchFormat() : NPZFormat()
      for (rest, kept) in [(128, true), (72, false)] {
        let state = try source(beginning: rest, in: directory)
        let path = directory.appending(path: "\(rest).\(ending)").path
        try Conversion(state, to: format).write(to: path)
        let written = try StateDict(path: path)
        // 1,200,000 bytes lie between the two.
        #expect(rests(written).first == (kept ? 128 : 0))
        #expect(written.allSatisfy { ($0.tensor.fileOffset ?? 1) % 64 == 0 })
        try python(
          """
          import sys, zipfile
          from safetensors.numpy import load_file
          assert zipfile.ZipFile(sys.argv[1]).testzip() is None
          if sys.argv[1].endswith('npz'):
              import numpy as np
              found = dict(np.load(sys.argv[1], allow_pickle=False))
          else:
              import torch
              found = {k: v.numpy() for k, v in torch.load(sys.argv[1], weights_only=True, mmap=True).items()}
          want = load_file(sys.argv[2])
          assert found.keys() == want.keys() and all((found[k] == want[k]).all() for k in want)
          """, [path, directory.appending(path: "source-\(rest).safetensors").path])
      }
    }
  }

  @Test("the same source gives the same bytes, whatever the system is asked to do", arguments: WritableFormat.all)
  func deterministic(target: WritableFormat) throws {
    try withTemporaryDirectory { directory in
      let state = try source(beginning: 264, in: directory)
      let files = try (0..<2).map { number in
        let url = directory.appending(path: "\(number).\(target.ending)")
        try Conversion(state, to: target.format).write(to: url.path)
        return try Data(contentsOf: url)
      }
      #expect(files[0] == files[1])
    }
  }

  @Test("the report counts every byte of large tensors that lie in a file, and none of tensors in memory")
  func report() throws {
    try withTemporaryDirectory { directory in
      let state = try source(beginning: 264, in: directory)
      let path = directory.appending(path: "x.safetensors").path
      let report = try Conversion(state, to: .safetensors).write(to: path)
      #if os(Linux)
        // The edges of a range are read and written, of which there is one.
        let byteCount = state.reduce(0) { $0 + $1.tensor.byteCount }
        #expect(
          (byteCount - 2 * 4096 - (1 << 17)...byteCount).contains(report.sharedByteCount + report.copiedByteCount))
      #else
        #expect(report.sharedByteCount + report.copiedByteCount == 0)
      #endif
      var inMemory = StateDict()
      try inMemory.append(
        "x", LazyTensor(dtype: .u8, shape: [2 << 20], content: .memory(.init(repeating: 3, count: 2 << 20))))
      let other = try Conversion(inMemory, to: .safetensors).write(to: directory.appending(path: "y.safetensors").path)
      #expect(other.sharedByteCount == 0 && other.copiedByteCount == 0)
    }
  }
}
