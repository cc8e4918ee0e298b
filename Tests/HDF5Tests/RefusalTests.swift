import Foundation
import TensorFerryHDF5
import TensorFerryTestSupport
import Testing

@Suite struct RefusalTests {
  /// A dataset that must be listed and not read, and a word of the reason.
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let word: String
    let code: String
  }

  @Test(
    "storage that is not read is listed with the reason, and has no reader",
    arguments: [
      Case(
        testDescription: "external storage", word: "other files",
        code: """
          open(path + '.secret', 'wb').write(b'secret!!')
          f.create_dataset('x', (2,), 'f4', external=[(path + '.secret', 0, 8)])
          """),
      Case(
        testDescription: "a virtual dataset", word: "virtual",
        code: """
          f['source'] = np.arange(4.)
          layout = h5py.VirtualLayout((4,), 'f8')
          layout[:] = h5py.VirtualSource(f['source'])
          f.create_virtual_dataset('x', layout)
          """),
      Case(
        testDescription: "a virtual dataset whose source is missing", word: "virtual",
        code: """
          layout = h5py.VirtualLayout((4,), 'f8')
          layout[:] = h5py.VirtualSource('nowhere.h5', 'data', (4,))
          f.create_virtual_dataset('x', layout, fillvalue=3)
          """),
      Case(
        testDescription: "scale and offset", word: "6 (scaleoffset)",
        code: "f.create_dataset('x', data=np.arange(40), chunks=(8,), scaleoffset=0)"),
      Case(
        testDescription: "bits that are not stored", word: "number 5 (nbit), which is not read",
        code: """
          p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
          p.set_chunk((8,)); p.set_filter(h5py.h5z.FILTER_NBIT)
          d = h5py.h5d.create(f.id, b'x', h5py.h5t.STD_I32LE, h5py.h5s.create_simple((40,)), p)
          d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(40, dtype='i4'))
          """),
      Case(
        testDescription: "two compressions", word: "number 32000 (lzf) behind another compression",
        code: """
          p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
          p.set_chunk((80,)); p.set_deflate(4); p.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, ())
          d = h5py.h5d.create(f.id, b'x', h5py.h5t.STD_I32LE, h5py.h5s.create_simple((80,)), p)
          d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros(80, dtype='i4'))
          """),
      Case(
        testDescription: "a filter whose file calls it something else", word: "number 32015 (zstd)",
        code: """
          import hdf5plugin
          f.create_dataset('x', data=np.arange(40.), chunks=(8,), **hdf5plugin.Zstd())
          """),
      Case(
        testDescription: "a filter that nobody has", word: "number 499 (without a name)",
        code: """
          properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
          properties.set_chunk((8,))
          properties.set_filter(499, h5py.h5z.FLAG_OPTIONAL, (1, 2))
          h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8,)), properties)
          """),
      Case(
        testDescription: "data that is never filled", word: "no fill value",
        code: """
          properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
          properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
          h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8,)), properties)
          """),
      Case(
        testDescription: "chunks that are never filled", word: "no fill value",
        code: """
          properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
          properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
          properties.set_chunk((4,))
          h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8,)), properties)
          """),
      Case(
        testDescription: "a shape without data, 4 PB", word: "a thousandth",
        code: "f.create_dataset('x', (2 ** 20, 2 ** 30), 'f4')"),
      Case(
        testDescription: "a shape of 4 GB in a few chunks", word: "a thousandth",
        code: "f.create_dataset('x', (2 ** 20, 1024), 'f4', chunks=(1024, 1024))[0] = 1"),
      Case(
        testDescription: "more chunks than are read", word: "the limit is 200000",
        code: "f.create_dataset('x', (500, 500), 'u1', chunks=(1, 1))"),
      Case(
        testDescription: "a variable-length string", word: "a variable-length string",
        code: "f['x'] = 'text'"),
      Case(
        testDescription: "a compound of three members", word: "a compound of 3 members",
        code: "f['x'] = np.zeros(3, [('a', 'f4'), ('b', 'f4'), ('c', 'i2')])"),
      Case(
        testDescription: "a compound of unlike floats", word: "a compound of 2 members",
        code: "f['x'] = np.zeros(3, [('r', 'f8'), ('i', 'f4')])"),
      Case(
        testDescription: "an enumeration of three values", word: "an enumeration of 3 values",
        code: "f.create_dataset('x', (3,), h5py.enum_dtype({'A': 0, 'B': 1, 'C': 2}, 'i1'))[...] = 1"),
      Case(
        testDescription: "an enumeration of 0 and 2", word: "an enumeration of the values",
        code: "f.create_dataset('x', (3,), h5py.enum_dtype({'A': 0, 'B': 2}, 'i1'))[...] = 2"),
      Case(
        testDescription: "float128", word: "a float of 16 bytes",
        code: "f['x'] = np.zeros(3, 'longdouble')"),
      Case(
        testDescription: "sequences", word: "sequences",
        code: "f.create_dataset('x', (2,), h5py.vlen_dtype('i4'))[0] = [1, 2]"),
      Case(
        testDescription: "references", word: "a reference",
        code: "f.create_dataset('x', (2,), h5py.ref_dtype)"),
      Case(
        testDescription: "arrays as elements", word: "arrays",
        code:
          "f.create_dataset('x', (2,), np.dtype(('f4', (3,))))"
      ),
    ])
  func refused(_ test: Case) throws {
    try withScratch { scratch in
      let path = scratch.path("refused.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w')\n" + test.code)
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      #expect(description.refusal?.contains(test.word) == true, "\(description.refusal ?? "read")")
      let code = errorCode { _ = try HDF5DatasetReader(description, source: try MemorySource(path)) }
      #expect(code == (description.elementType.byteCount == nil ? .unsupportedType : .unsupportedStorage))
    }
  }

  @Test(
    "filters of plugins are named by their number and their well-known name",
    arguments: [
      ("LZ4()", "32004 (lz4)"), ("Blosc()", "32001 (blosc)"), ("Bitshuffle()", "32008 (bitshuffle)"),
      ("Zstd()", "32015 (zstd)"), ("BZip2()", "307 (bzip2)"), ("Blosc2()", "32026 (blosc2)"), ("Zfp()", "32013 (zfp)"),
      ("SZ3(absolute=0.1)", "32024 (sz3)"), ("Sperr(rate=4)", "32028 (sperr)"),
    ])
  func plugins(filter: String, name: String) throws {
    try withScratch { scratch in
      let path = scratch.path("plugin.h5")
      try scratch.h5py(
        path, [],
        """
        import hdf5plugin
        a = np.arange(32. * 48, dtype='f4').reshape(32, 48)
        h5py.File(path, 'w').create_dataset('x', data=a, chunks=a.shape, **hdf5plugin.\(filter))
        """)
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      #expect(description.refusal == "its chunks are filtered by number \(name), which is not read")
    }
  }

  @Test("szip is named, if this h5py can write it")
  func szip() throws {
    try withScratch { scratch in
      let path = scratch.path("szip.h5")
      try scratch.h5py(
        path, [],
        """
        p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        p.set_chunk((8,)); p.set_szip(32, 8)
        d = h5py.h5d.create(f.id, b'x', h5py.h5t.STD_I32LE, h5py.h5s.create_simple((40,)), p)
        """.replacing("f.id", with: "h5py.File(path, 'w').id"))
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      #expect(description.refusal == "its chunks are filtered by number 4 (szip), which is not read")
    }
  }

  @Test("a null dataspace is listed as such, and has no bytes")
  func null() throws {
    try withScratch { scratch in
      let path = scratch.path("null.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = h5py.Empty('f4')")
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      #expect(description.isNull)
      #expect(description.storage == .empty)
      #expect(description.byteCount == 0)
    }
  }

  @Test("opaque bytes are read with their tag, fixed strings as bytes")
  func opaque() throws {
    try withScratch { scratch in
      let path = scratch.path("opaque.h5")
      try scratch.h5py(
        path, [],
        """
        f = h5py.File(path, 'w')
        kind = h5py.h5t.create(h5py.h5t.OPAQUE, 3); kind.set_tag(b'F8_E4M3')
        d = h5py.h5d.create(f.id, b'x', kind, h5py.h5s.create_simple((2,)))
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.frombuffer(b'abcdef', 'V3'), kind)
        f['s'] = np.array([b'abc', b'de'])
        """)
      let inventory = try HDF5Inventory(describing: path)
      let opaque = try #require(inventory.dataset("/x"))
      #expect(opaque.elementType == .opaque(size: 3, tag: "F8_E4M3"))
      #expect(try HDF5DatasetReader(opaque, source: MemorySource(path)).read() == Array("abcdef".utf8))
      let string = try #require(inventory.dataset("/s"))
      #expect(string.elementType == .string(HDF5StringType(fixedLength: 3, encoding: .ascii, padding: .nullPadded)))
      #expect(try HDF5DatasetReader(string, source: MemorySource(path)).read() == Array("abcde\0".utf8))
    }
  }
}
