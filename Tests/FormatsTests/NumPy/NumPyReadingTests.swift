import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct NumPyReadingTests {
  @Test(
    "each element type has numpy's values, in both byte orders and both array orders, stored and deflated",
    arguments: ["savez", "savez_compressed"])
  func elementTypes(writer: String) throws {
    try NumPyFiles.expectAgreement(
      "npz",
      """
      arrays = {}
      for kind in '? u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 c8 c16'.split():
          size = np.dtype(kind).itemsize
          bits = rng.integers(0, 2 if kind == '?' else 256, 2 * 3 * 5 * size, dtype='u1')
          a = bits.view(kind).reshape(2, 3, 5)
          swapped = a.astype(a.dtype.newbyteorder('>'))
          several = dict(a=a, fortran=np.asfortranarray(a), big=swapped, both=np.asfortranarray(swapped),
              middle=np.asfortranarray(a[:, :1]), scalar=a[1, 2, 3], bigscalar=swapped[1, 2, 3], empty=a[:, :0],
              bigempty=np.asfortranarray(swapped[:0]), one=swapped[0, 0])
          arrays |= {f'{kind}.{name}': array for name, array in several.items()}
      np.\(writer)(path, **arrays)
      """)
  }

  @Test("versions 1, 2 and 3 of the header are read", arguments: [1, 2, 3])
  func versions(version: Int) throws {
    try NumPyFiles.expectAgreement(
      "npy",
      """
      with open(path, 'wb') as file:
          np.lib.format.write_array(file, rng.normal(size=(3, 7)), version=(\(version), 0))
      """)
  }

  @Test("the header of Python 2, with long integers, is read")
  func python2() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "array.npy")
      try python(
        """
        import struct, sys
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2L), }          \\n"
        open(sys.argv[1], 'wb').write(b'\\x93NUMPY\\x01\\x00' + struct.pack('<H', len(header)) + header
            + struct.pack('<6f', *range(6)))
        """, [url.path])
      let tensor = try #require(try StateDict(contentsOf: url)["array"])
      #expect(tensor.shape == [3, 2])
      #expect(try tensor.read() == Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [3, 2]))
    }
  }

  @Test(
    "an array in Fortran order that is larger than any buffer has numpy's values",
    arguments: ["(2201, 1503)", "(3, 700001)", "(700001, 3)", "(90, 70, 300)", "(5, 1, 400000)"])
  func largeFortran(shape: String) throws {
    try NumPyFiles.expectAgreement("npy", "np.save(path, np.asfortranarray(rng.normal(size=\(shape)).astype('>f8')))")
  }

  @Test("plain arrays are ranges of the file, in .npy and in stored members of .npz")
  func byReference() throws {
    try withTemporaryDirectory { directory in
      for (ending, code) in [("npy", "np.save(path, np.ones((2, 3)))"), ("npz", "np.savez(path, a=np.ones((2, 3)))")] {
        let url = directory.appending(path: "plain.\(ending)")
        _ = try NumPyFiles.load(url, writtenBy: code)
        #expect(try StateDict(contentsOf: url)[0].tensor.fileOffset != nil)
      }
    }
  }

  @Test("names keep their order, slashes, dots, accents and a second ending")
  func names() throws {
    try NumPyFiles.expectAgreement(
      "npz",
      """
      names = ['z.weight', 'a/b/c', 'größe', '层.0', 'x.npy', '.hidden', 'with space', 'A', 'a']
      np.savez(path, **{name: np.full((1, index + 1), index, 'i2') for index, name in enumerate(names)})
      """)
  }

  @Test(
    "an archive written to a stream, whose sizes follow the data, is read", arguments: ["savez", "savez_compressed"])
  func stream(writer: String) throws {
    try NumPyFiles.expectAgreement(
      "npz",
      """
      class Stream(io.RawIOBase):
          def __init__(self): self.file = open(path, 'wb')
          def writable(self): return True
          def write(self, data): return self.file.write(data)
      stream = Stream()
      np.\(writer)(stream, a=rng.normal(size=(4, 3)), b=np.zeros((0, 2)), c=np.arange(5))
      stream.file.close()
      """)
  }

  @Test("a thousand small arrays are read in order")
  func many() throws {
    try NumPyFiles.expectAgreement(
      "npz", "np.savez(path, **{f'layer.{i}': np.arange(i % 3 + 1) * i for i in range(1000)})")
  }

  @Test("an archive without arrays is an empty state dict")
  func noArrays() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "none.npz")
      try python("import numpy, sys; numpy.savez(sys.argv[1])", [url.path])
      let state = try StateDict(contentsOf: url)
      #expect(state.isEmpty)
      #expect(state.origin?.format == "npz")
    }
  }

  @Test("texts and members that are no arrays are listed beside the tensors")
  func others() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "more.npz")
      try python(
        """
        import numpy, sys, zipfile
        numpy.savez(sys.argv[1], w=numpy.ones(2), names=numpy.array(['a', 'bcd']))
        with zipfile.ZipFile(sys.argv[1], 'a') as archive: archive.writestr('README', 'hello')
        """, [url.path])
      let state = try StateDict(contentsOf: url)
      #expect(state.names == ["w"])
      #expect(state.others.map(\.name) == ["names", "README"])
      #expect(state.others.map(\.kind) == ["string", "member"])
    }
  }

  @Test("bfloat16, which numpy writes as raw bytes, is listed until an option names it, and then is exact")
  func voidType() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "raw.npz")
      try python(
        """
        import ml_dtypes, numpy, sys
        numpy.savez(sys.argv[1], b=numpy.array([[1.5, -2, float('nan')]], ml_dtypes.bfloat16))
        """, [url.path])
      for state in try [StateDict(contentsOf: url), StateDict(contentsOf: url, format: .npz(voidTypes: [.f8e5m2]))] {
        #expect(state.isEmpty && state.others.map(\.isAmbiguous) == [true] && state.others[0].name == "b")
        let error = try #require(throws: WeightFileError.self) { try state.checkComplete() }
        #expect(error.code == .ambiguousType && error.reason.contains("2 raw bytes"))
      }
      let tensor = try #require(try StateDict(contentsOf: url, format: .npz(voidTypes: [.bf16]))["b"])
      #expect(try tensor.read() == Tensor(dtype: .bf16, shape: [1, 3], bytes: [0xC0, 0x3F, 0, 0xC0, 0xC0, 0x7F]))
    }
  }
}
