import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct NumPyWritingTests {
  private static let arrays = """
    bits = lambda dtype, shape: np.frombuffer(rng.bytes(np.dtype(dtype).itemsize * int(np.prod(shape))), dtype).reshape(shape)
    arrays = {f'x.{d}': bits(d, (3, 4)) for d in 'u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 c8 c16'.split()}
    arrays |= {'flags': np.array([[True], [False]]), 'scalar': np.float32(-0.0), 'empty': np.zeros((2, 0, 3), 'i2'),
               'a/größe': np.arange(7.0), 'tiny': np.array([5e-324, -0.0, np.inf]), 'deep': np.zeros((1,) * 9)}

    """

  @Test("numpy reads from our .npz what was read from its own: bits, order and names", arguments: [false, true])
  func roundTrip(isDeflated: Bool) throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source.npz")
      let target = directory.appending(path: "target.npz")
      let writer = isDeflated ? "savez_compressed" : "savez"
      let expected = try NumPyFiles.load(source, writtenBy: Self.arrays + "np.\(writer)(path, **arrays)")
      try StateDict(contentsOf: source).write(to: target, format: .npz)
      NumPyFiles.expectEqual(try NumPyFiles.load(target), expected)
      NumPyFiles.expectEqual(try StateDict(contentsOf: target), expected)
    }
  }

  @Test(
    "our .npy is numpy's, byte for byte",
    arguments: ["np.float64(2.5)", "np.ones(3, '?')", "rng.normal(size=(2, 0, 3))", "np.ones((12345, 1, 2), 'i1')"])
  func sameBytes(array: String) throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source.npy")
      let target = directory.appending(path: "target.npy")
      _ = try NumPyFiles.load(source, writtenBy: "np.save(path, \(array))")
      try StateDict(contentsOf: source).write(to: target, format: .npy)
      #expect(try Data(contentsOf: target) == Data(contentsOf: source))
    }
  }

  @Test("the data of every array lies at a multiple of 64, and the same state dict gives the same bytes")
  func aligned() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for count in 1...70 {
        try state.append(
          String(repeating: "n", count: count), LazyTensor(Tensor([Float](repeating: 1, count: count), shape: [count])))
      }
      let urls = ["a.npz", "b.npz"].map { directory.appending(path: $0) }
      for url in urls { try state.write(to: url, format: .npz) }
      for element in try StateDict(contentsOf: urls[0]) {
        #expect(try #require(element.tensor.fileOffset) % 64 == 0)
      }
      #expect(try Data(contentsOf: urls[0]) == Data(contentsOf: urls[1]))
    }
  }

  @Test("types and names that numpy or a zip archive cannot hold are all named, and nothing is written")
  func unrepresentable() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("half", LazyTensor(Tensor(dtype: .bf16, shape: [1], bytes: [0, 0])))
      try state.append("fine", LazyTensor(Tensor([1 as Float], shape: [1])))
      try state.append("../up", LazyTensor(Tensor(dtype: .f8e4m3, shape: [1], bytes: [0])))
      let url = directory.appending(path: "out.npz")
      let error = try #require(
        #expect(throws: WeightFileError.self) { try state.write(to: url, format: .npz) })
      #expect(error.code == .unrepresentable)
      #expect(error.reason.contains("'half': numpy has no type for BF16"))
      #expect(error.reason.contains("'../up': numpy has no type for F8_E4M3"))
      #expect(error.reason.contains("'../up': a part of the name"))
      #expect(!error.reason.contains("fine"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  @Test("bfloat16 is written as ml_dtypes writes it, if an option asks for it")
  func voidType() throws {
    try withTemporaryDirectory { directory in
      let theirs = directory.appending(path: "theirs.npy")
      let ours = directory.appending(path: "ours.npy")
      try python(
        "import ml_dtypes, numpy, sys; numpy.save(sys.argv[1], numpy.array([1.5, -3], ml_dtypes.bfloat16))",
        [theirs.path])
      let format = NumPyFormat(voidTypes: [.bf16])
      try StateDict(contentsOf: theirs, format: format).write(to: ours, format: format)
      #expect(try Data(contentsOf: ours) == Data(contentsOf: theirs))
    }
  }

  @Test("a tied tensor becomes a copy, and what is lost is said")
  func losses() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      let tensor = LazyTensor(try Tensor([1, 2] as [Float], shape: [2]))
      try state.append("a", tensor)
      try state.append("b", tensor, aliasOf: "a")
      state.metadata = [.init("epoch", .integer(3))]
      let url = directory.appending(path: "tied.npz")
      try state.write(to: url, format: .npz)
      let written = try StateDict(contentsOf: url)
      #expect(written.names == ["a", "b"])
      #expect(written.sharedNames.isEmpty)
      #expect(try written["b"]?.read() == tensor.read())
      #expect(
        NPZFormat().losses(of: state) == [
          "the metadata 'epoch' is not kept", "'b' becomes a copy of 'a', whose storage it shares",
        ])
    }
  }

  @Test("an .npy file takes one tensor and loses its name")
  func single() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("fc.weight", LazyTensor(Tensor([1, 2] as [Float], shape: [1, 2])))
      let url = directory.appending(path: "w.npy")
      try state.write(to: url, format: .npy)
      #expect(try StateDict(contentsOf: url).names == ["w"])
      #expect(NumPyFormat().losses(of: state) == ["the name 'fc.weight' is not kept"])
      try state.append("fc.bias", LazyTensor(Tensor([1 as Float], shape: [1])))
      let error = #expect(throws: WeightFileError.self) {
        try state.write(to: directory.appending(path: "two.npy"), format: .npy)
      }
      #expect(error?.code == .unrepresentable)
    }
  }
}
