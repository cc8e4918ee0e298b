import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Attacks that no single format is the target of. XF07 is in `NameEscapeTests`.
@Suite struct CrossFormatAttackTests {
  private func write(_ format: WritableFormat, to url: URL) throws -> StateDict {
    var state = StateDict()
    try state.append("w", patterned(.f32, [3, 5]))
    try state.append("large", patterned(.f32, [700, 900]))
    try state.write(to: url, format: format.format)
    return state
  }

  @Test("XF01 the content decides, whatever the extension says", arguments: WritableFormat.pairs)
  func extensions(pair: FormatPair) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x." + pair.target.ending)
      let state = try write(pair.source, to: url)
      let read = try StateDict(contentsOf: url)
      #expect(read.origin?.format == pair.source.description)
      #expect(try state.difference(from: read).tensorsAreEqual)
    }
  }

  @Test(
    "XF02 a file that is two formats at once is refused, or read as the first with the rest told",
    arguments: [
      ("safetensors", "refused"), ("npz", "refused"), ("pytorch", "refused"), ("gguf", "told"), ("hdf5", "hdf5"),
    ])
  func polyglots(first: String, outcome: String) throws {
    try withTemporaryDirectory { directory in
      let format = try #require(WritableFormat.all.first { $0.description == first })
      let url = directory.appending(path: "x.bin")
      let state = try write(format, to: url)
      let other = directory.appending(path: "x.npz")
      _ = try write(WritableFormat.all[3], to: other)
      try (Data(contentsOf: url) + Data(contentsOf: other)).write(to: url)
      guard outcome != "refused" else {
        #expect { try StateDict(contentsOf: url) } throws: { ($0 as? WeightFileError)?.code == .malformed }
        return
      }
      let read = try StateDict(contentsOf: url)
      #expect(read.origin?.format == first)
      #expect(try state.difference(from: read).tensorsAreEqual)
      #expect(outcome == "told" ? read.others.map(\.name) == ["end of the file"] : read.others.isEmpty)
    }
  }

  @Test("XF03 a pipe, a device and a directory are refused at once; a symbolic link is followed")
  func kinds() throws {
    try withTemporaryDirectory { directory in
      let paths = ["pipe", "folder", "link", "x.npz"].map { directory.appending(path: $0).path }
      _ = try write(WritableFormat.all[3], to: URL(filePath: paths[3]))
      try python(
        "import os, sys; os.mkfifo(sys.argv[1]); os.mkdir(sys.argv[2]); os.symlink(sys.argv[4], sys.argv[3])", paths)
      for path in [paths[0], "/dev/zero"] {
        #expect { try StateDict(path: path) } throws: { ($0 as? TensorError)?.code == .unreadableFile }
      }
      #expect { try StateDict(path: paths[1]) } throws: { ($0 as? WeightFileError)?.code == .unknownFormat }
      #expect(try StateDict(path: paths[2]).count == 2)
    }
  }

  @Test("XF04 the input is never the output, and stays as it was", arguments: WritableFormat.all)
  func sameFile(format: WritableFormat) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x." + format.ending)
      _ = try write(format, to: url)
      let before = try Data(contentsOf: url)
      let conversion = try Conversion(StateDict(contentsOf: url), to: .npz)
      let error = #expect(throws: WeightFileError.self) { try conversion.write(to: url.path, replacing: true) }
      #expect(error?.code == .unwritable && error?.reason == "the output is the input")
      #expect(try Data(contentsOf: url) == before)
    }
  }

  @Test(
    "XF05 a source that is cut off or changed while it is read is a typed error, and nothing is written",
    arguments: WritableFormat.all, ["shrinks", "grows"])
  func changes(format: WritableFormat, how: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x." + format.ending)
      _ = try write(format, to: url)
      let state = try StateDict(contentsOf: url)
      let handle = try FileHandle(forWritingTo: url)
      let size = try handle.seekToEnd()
      if how == "shrinks" { try handle.truncate(atOffset: size / 2) } else { try handle.write(contentsOf: Data([0])) }
      try handle.close()
      let error = #expect(throws: TensorError.self) {
        try state.write(to: directory.appending(path: "out.h5"), format: .hdf5)
      }
      #expect(error?.code == (how == "shrinks" ? .truncatedFile : .changedFile))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["x." + format.ending])
    }
  }

  @Test(
    "XF05 a change of the source is noticed however a tensor is made of it",
    arguments: ["cast", "swapped axes", "behind each other", "scaled", "scaled by it", "gzip", "deflate", "big-endian"])
  func changesOfDerived(how: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x")
      try python(
        """
        import sys, h5py, numpy
        path, how = sys.argv[1:]
        w = numpy.arange(300, dtype=">f4" if how == "big-endian" else "<f4").reshape(20, 15)
        if how == "deflate":
            with open(path, "wb") as file: numpy.savez_compressed(file, w=w)
        else:
            h5py.File(path, "w").create_dataset("w", data=w, compression="gzip" if how == "gzip" else None)
        """, [url.path, how])
      let tensor = try #require(try StateDict(contentsOf: url)["w"])
      let one = LazyTensor(try Tensor([Float(1)], shape: [1]))
      let derived =
        switch how {
        case "cast": try tensor.cast(to: .f16)
        case "swapped axes": try tensor.permuted([1, 0])
        case "behind each other": try LazyTensor.concatenated([tensor, tensor], axis: 1)
        case "scaled": try tensor.mapped { { value, _ in 2 * value } }
        case "scaled by it":
          try one.mapped(with: [tensor]) {
            let factors = try tensor.binary64()
            return { value, _ in value * factors[1] }
          }
        default: tensor
        }
      var state = StateDict()
      try state.append("w", derived)
      let handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
      try handle.write(contentsOf: Data([0]))
      try handle.close()
      let error = #expect(throws: TensorError.self) {
        try state.write(to: directory.appending(path: "out.safetensors"), format: .safetensors)
      }
      #expect(error?.code == .changedFile)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["x"])
    }
  }

  @Test("XF06 two names that become one are an error that tells it")
  func collisions() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.h5")
      try python(
        "import sys, h5py; f = h5py.File(sys.argv[1], 'w'); f['a/b'] = [1., 2.]; f['a.b'] = [3.]", [url.path])
      #expect { try StateDict(contentsOf: url) } throws: { error in
        (error as? TensorError)?.code == .duplicateName && (error as? TensorError)?.tensor == "a.b"
      }
    }
  }

  @Test("XF08 a type that the target lacks is refused by name, and nothing is written")
  func dtypes() throws {
    try withTemporaryDirectory { directory in
      for (dtype, format) in [
        (DType.c64, WritableFormat.all[4]), (.f6e2m3, WritableFormat.all[0]), (.bf16, WritableFormat.all[3]),
      ] {
        var state = StateDict()
        try state.append("odd one", patterned(dtype, [4, 2]))
        let error = #expect(throws: WeightFileError.self) {
          try state.write(to: directory.appending(path: "x." + format.ending), format: format.format)
        }
        #expect(error?.code == .unrepresentable && error?.reason.contains("odd one") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
      }
    }
  }
}
