import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct HDF5WritingTests {
  /// A tensor of every dtype that HDF5 holds, a scalar, an empty one, a large one, a tied pair, and metadata.
  private func state() throws -> StateDict {
    var state = StateDict()
    for (index, dtype) in DType.allCases.enumerated() where dtype.bitWidth % 8 == 0 && dtype != .block {
      let shape: Shape = [3, 5]
      let bytes = (0..<15 * dtype.bitWidth / 8).map {
        dtype == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: $0 * 37 + index)
      }
      try state.append("\(dtype.rawValue).weight", LazyTensor(Tensor(dtype: dtype, shape: shape, bytes: bytes)))
    }
    try state.append("scalar", LazyTensor(Tensor([-7] as [Int64], shape: .scalar)))
    try state.append("empty", LazyTensor(Tensor([] as [Float], shape: [0, 3])))
    let large = (0..<300_000).map { Float($0) }
    try state.append("large", LazyTensor(Tensor(large, shape: [300, 1000])))
    let tied = LazyTensor(try Tensor([1, .nan, -0.0] as [Float], shape: [3]))
    try state.append("z.weight", tied)
    try state.append("a.ünïcode 重み", tied, aliasOf: "z.weight")
    state.metadata = [
      .init("epoch", .integer(3)), .init("nested", ["list": [.number(1.5), nil, true], "format": "pt"]),
    ]
    return state
  }

  @Test("what is written is read back: names in order, dtypes, shapes, bits, ties, metadata")
  func roundTrip() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "out.h5")
      let state = try state()
      try state.write(to: url, format: .hdf5(attributes: [("producer", "test")]))
      let read = try StateDict(contentsOf: url)
      #expect(try state.difference(from: read).tensorsAreEqual)
      #expect(read.names == state.names && read.sharedNames == state.sharedNames)
      #expect(read.metadata == [.init("producer", "test")] + state.metadata)
      #expect(read.origin?.layout == "tensorferry.weights/1, flat dotted names at the root")
    }
  }

  @Test("h5py reads every value, in order, with the SHA-256 of its bytes; data begins at 64, large data at 4096")
  func h5py() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "out.h5")
      let state = try state()
      try state.write(to: url, format: .hdf5)
      let printed = try python(
        """
        import sys, h5py, hashlib, numpy as np
        with h5py.File(sys.argv[1]) as f:
            assert f.attrs['format'] == 'tensorferry.weights/1', f.attrs['format']
            for name, d in f.items():
                raw = np.empty(d.shape, f'V{d.id.get_type().get_size()}')
                if d.size: d.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw, d.id.get_type())
                assert hashlib.sha256(raw.tobytes()).hexdigest() == d.attrs['sha256'], name
                offset = d.id.get_offset()
                assert d.size == 0 or offset % (4096 if d.nbytes >= 1 << 20 else 64) == 0, (name, offset)
                print(name, d.dtype, d.shape, d.attrs['sha256'], sep='|')
            assert f['z.weight'] == f['a.ünïcode 重み']
            assert f['BOOL.weight'].dtype == bool and f['C64.weight'].dtype == np.complex64
            assert f['large'][299, 999] == 299999 and f['scalar'][()] == -7
        """, [url.path])
      let rows = printed.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
      #expect(rows.map { $0[0] } == state.names)
      #expect(try rows.map { $0[3] } == state.map { try $0.tensor.sha256() })
    }
  }

  @Test("h5dump accepts the file")
  func h5dump() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "out.h5")
      try state().write(to: url, format: .hdf5)
      let dumped = try run(URL(filePath: "/usr/bin/env"), ["h5dump", "-H", url.path])
      #expect(dumped.status == 0, "\(dumped.errors)")
      #expect(dumped.output.contains("DATASET \"z.weight\""))
    }
  }

  @Test("the same state dict gives the same bytes twice")
  func deterministic() throws {
    try withTemporaryDirectory { directory in
      let urls = ["a.h5", "b.h5"].map { directory.appending(path: $0) }
      for url in urls { try state().write(to: url, format: .hdf5) }
      #expect(try Data(contentsOf: urls[0]) == Data(contentsOf: urls[1]))
    }
  }

  @Test("everything that HDF5 cannot hold is named at once, and nothing is written")
  func unrepresentable() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      let zero = LazyTensor(try Tensor([0] as [Float], shape: [1]))
      for name in ["a/b", "", "fine"] { try state.append(name, zero) }
      try state.append("packed", LazyTensor(Tensor(dtype: .f4, shape: [2], bytes: [0])))
      let url = directory.appending(path: "out.h5")
      #expect { try state.write(to: url, format: .hdf5) } throws: { error in
        let error = error as? WeightFileError
        return error?.code == .unrepresentable
          && ["'a/b'", "''", "'packed'"].allSatisfy { error?.reason.contains($0) == true }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  @Test("an existing output is refused, and replaced when that is asked for")
  func outputExists() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "out.h5")
      try Data("mine".utf8).write(to: url)
      #expect { try state().write(to: url, format: .hdf5) } throws: { ($0 as? WeightFileError)?.code == .outputExists }
      #expect(try Data(contentsOf: url) == Data("mine".utf8))
      try state().write(to: url, format: .hdf5, replacing: true)
      #expect(try StateDict(contentsOf: url).count == state().count)
    }
  }

  @Test("an output that cannot be written is told: a directory, a missing folder")
  func unwritable() throws {
    try withTemporaryDirectory { directory in
      let missing = directory.appending(path: "missing/out.h5")
      for url in [missing, directory] {
        #expect { try state().write(to: url, format: .hdf5, replacing: true) } throws: {
          ($0 as? WeightFileError)?.code == .unwritable
        }
      }
    }
  }
}
