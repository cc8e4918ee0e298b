import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Types that h5py writes as opaque bytes, and integers that are no integers.
@Suite struct HDF5RawBytesTests {
  /// A bfloat16, three 8-bit floats and a plain tensor.
  private let file = """
    b = np.array([[1.5, -2, np.nan], [0, -0.0, np.inf]], ml_dtypes.bfloat16)
    e = rng.standard_normal((3, 4)).astype(ml_dtypes.float8_e4m3fn)
    with h5py.File(path, 'w') as f:
        f['b.weight'] = b; f['e.weight'] = e; f['plain'] = np.ones(2, 'f4')

    """

  @Test("without a word about their type, raw bytes are listed, and one error names them all")
  func ambiguous() throws {
    try HDF5Files.with(file) { url in
      let state = try StateDict(contentsOf: url)
      #expect(state.names == ["plain"])
      #expect(state.others.map(\.name) == ["b.weight", "e.weight"])
      #expect(state.others.allSatisfy { $0.isAmbiguous && $0.isRefused && $0.reason.contains("--void-type") })
      let error = try #require(throws: WeightFileError.self) { try Conversion(state, to: .safetensors) }
      #expect(error.code == .ambiguousType && error.file == url.path)
      for word in ["'b.weight'", "'e.weight'", "2 raw bytes", "one raw byte", "bf16", "f8_e4m3"] {
        #expect(error.reason.contains(word), "\(error.reason)")
      }
    }
  }

  @Test("the option names the type of each size")
  func option() throws {
    try HDF5Files.expectAgreement(
      file + "expect('b.weight', b); expect('e.weight', e); expect('plain', np.ones(2, 'f4'))",
      voidTypes: [.bf16, .f8e4m3])
  }

  @Test("a type of one size says nothing of another size")
  func otherSize() throws {
    let state = try HDF5Files.expectAgreement(
      file + "expect('b.weight', b); expect('plain', np.ones(2, 'f4'))", voidTypes: [.bf16])
    #expect(state.others.map(\.name) == ["e.weight"])
  }

  @Test(
    "an attribute says the type, in the words of numpy, PyTorch and this project",
    arguments: [
      ("bfloat16", "bfloat16"), ("torch.bfloat16", "bfloat16"), ("BF16", "bfloat16"), ("bf16", "bfloat16"),
      ("float8_e4m3fn", "float8_e4m3fn"), ("torch.float8_e4m3fn", "float8_e4m3fn"), ("F8_E4M3", "float8_e4m3fn"),
      ("float8_e8m0fnu", "float8_e8m0fnu"),
    ])
  func attribute(name: String, dtype: String) throws {
    try HDF5Files.expectAgreement(
      """
      a = np.array([[1, 2, 4], [0.5, 8, 1]], ml_dtypes.\(dtype))
      with h5py.File(path, 'w') as f: f['x'] = a; f['x'].attrs['dtype'] = '\(name)'
      expect('x', a)
      """, voidTypes: [.u8, .u16])
  }

  @Test("the tag of the opaque type says it, and the attribute before it")
  func tag() throws {
    try HDF5Files.expectAgreement(
      """
      a = np.array([[1, 2, 4], [0.5, 8, 1]], ml_dtypes.bfloat16)
      kind = h5py.h5t.create(h5py.h5t.OPAQUE, 2); kind.set_tag(b'bfloat16')
      with h5py.File(path, 'w') as f:
          for name in (b'x', b'y'):
              d = h5py.h5d.create(f.id, name, kind, h5py.h5s.create_simple((2, 3)))
              d.write(h5py.h5s.ALL, h5py.h5s.ALL, a.view('V2'), kind)
          f['y'].attrs['dtype'] = 'uint16'
      expect('x', a); expect('y', a.view('u2'))
      """)
  }

  @Test(
    "an attribute that contradicts the size, or names a type that is not read, is refused whatever the option says",
    arguments: [
      ("bfloat16", "BF16, which has 16 bits; the elements have 1 bytes"), ("float32", "F32, which has 32 bits"),
      ("int4", "says 'int4', which is not read"), ("float8_e4m3", "says 'float8_e4m3', which is not read"),
    ])
  func contradiction(name: String, words: String) throws {
    try HDF5Files.with(
      """
      with h5py.File(path, 'w') as f:
          f['x'] = np.zeros((2, 3), ml_dtypes.float8_e4m3fn); f['x'].attrs['dtype'] = '\(name)'
      """
    ) { url in
      let state = try StateDict(contentsOf: url, format: .hdf5(voidTypes: [.f8e4m3]))
      #expect(state.isEmpty && state.others.count == 1)
      #expect(state.others[0].isRefused && !state.others[0].isAmbiguous)
      #expect(state.others[0].reason.contains(words), "\(state.others[0].reason)")
    }
  }

  @Test("an attribute that is no type leaves the question open, and the error repeats it")
  func unknownWord() throws {
    try HDF5Files.with(
      """
      with h5py.File(path, 'w') as f:
          f['x'] = np.zeros((2, 3), ml_dtypes.bfloat16); f['x'].attrs['dtype'] = 'brain'
      """
    ) { url in
      let other = try #require(try StateDict(contentsOf: url).others.first)
      #expect(other.isAmbiguous && other.reason.hasSuffix("the attribute 'dtype' says 'brain', which is no type"))
      #expect(try StateDict(contentsOf: url, format: .hdf5(voidTypes: [.bf16]))["x"]?.dtype == .bf16)
    }
  }

  @Test("integers hold another type's bits only if an attribute says it, in either byte order")
  func integerViews() throws {
    try HDF5Files.expectAgreement(
      """
      b = torch.randn(3, 4).bfloat16().view(torch.int16).numpy()
      e = rng.integers(0, 256, (2, 3), 'u1')
      with h5py.File(path, 'w') as f:
          f['a'] = b; f['b'] = b; f['c'] = b.view('u2').astype('>u2'); f['d'] = e; f['e'] = e.view('i1'); f['f'] = b
          for name in 'bc': f[name].attrs['dtype'] = 'bfloat16'
          f['d'].attrs['dtype'] = 'torch.float8_e5m2'; f['e'].attrs['dtype'] = 'float8_e4m3fn'
          f['f'].attrs['dtype'] = 'float32'
      bf = b.view(ml_dtypes.bfloat16)
      expect('a', b); expect('b', bf); expect('c', bf); expect('d', e.view(ml_dtypes.float8_e5m2))
      expect('e', e.view(ml_dtypes.float8_e4m3fn)); expect('f', b)
      """, voidTypes: [.bf16])
  }

  @Test("opaque bytes in compressed chunks are read too")
  func chunks() throws {
    try HDF5Files.expectAgreement(
      """
      a = rng.standard_normal((20, 7)).astype(ml_dtypes.bfloat16)
      with h5py.File(path, 'w') as f:
          f.create_dataset('x', data=a.view('V2'), chunks=(8, 3), compression='lzf', shuffle=True)
      expect('x', a)
      """, voidTypes: [.bf16])
  }

  @Test("opaque elements of other sizes are no tensors")
  func otherOpaque() throws {
    try HDF5Files.with("h5py.File(path, 'w')['x'] = np.zeros(3, 'V5')") { url in
      let state = try StateDict(contentsOf: url, options: ReadingOptions(voidTypes: [.bf16]))
      #expect(state.others.map(\.isRefused) == [false])
    }
  }
}
