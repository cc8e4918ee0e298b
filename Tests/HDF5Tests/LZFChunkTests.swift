import Foundation
import TensorFerryHDF5
import Testing

@Suite struct LZFChunkTests {
  /// Reads what Python code wrote to `x` and expects the bytes that h5py reads, at once and in pieces.
  private func expectAgreement(_ code: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try withScratch { scratch in
      let path = scratch.path("lzf.h5")
      let expected = try scratch.h5py(
        path, [],
        """
        rng = np.random.default_rng(11)
        f = h5py.File(path, 'w', libver=('v110', 'v110'))
        \(code)
        f.close()
        x = h5py.File(path)['x']
        assert 32000 in [x.id.get_create_plist().get_filter(i)[0] for i in range(x.id.get_create_plist().get_nfilters())]
        a = x[()]
        print(a.astype(a.dtype.newbyteorder('<')).tobytes().hex())
        """)
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      #expect(description.refusal == nil, sourceLocation: sourceLocation)
      let reader = try HDF5DatasetReader(description, source: MemorySource(path))
      let bytes = try reader.read()
      #expect(bytes.hex + "\n" == expected, sourceLocation: sourceLocation)
      var pieces: [UInt8] = []
      for start in stride(from: 0, to: bytes.count, by: 97) {
        var piece = [UInt8](repeating: 0xAB, count: min(97, bytes.count - start))
        let range = start..<start + piece.count
        try piece.withUnsafeMutableBytes { try reader.read(range, into: $0) }
        pieces += piece
      }
      #expect(pieces == bytes, sourceLocation: sourceLocation)
    }
  }

  @Test(
    "chunks that h5py compressed are read with its bytes, whole ones and those that stick out",
    arguments: ["", "shuffle=True", "fletcher32=True", "shuffle=True, fletcher32=True"], ["<f4", ">f8", "<i2", "u1"])
  func filters(options: String, dtype: String) throws {
    try expectAgreement(
      """
      a = np.round(rng.standard_normal((37, 11)) * 3).astype('\(dtype)' if '\(dtype)' != 'u1' else 'i8').astype('\(dtype)')
      f.create_dataset('x', data=a, chunks=(16, 4), compression='lzf', \(options))
      """)
  }

  @Test("a chunk that lzf cannot make smaller is stored as it is, and its mask says so")
  func incompressible() throws {
    try expectAgreement(
      """
      a = rng.integers(0, 256, (5, 64), dtype='u1')
      a[1] = 3
      x = f.create_dataset('x', data=a, chunks=(1, 64), compression='lzf', shuffle=True)
      assert {x.id.get_chunk_info(i).filter_mask for i in range(5)} == {0, 2}
      """)
  }

  @Test("a checksum before the compression, and one behind it too, are taken off")
  func checksumsInside() throws {
    try expectAgreement(
      """
      p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
      p.set_chunk((8, 5)); p.set_fletcher32(); p.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, ()); p.set_fletcher32()
      d = h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((19, 7)), p)
      d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((19, 7)) + np.arange(7))
      """)
  }

  @Test("chunks that stick out and were stored without filters are read")
  func unfilteredEdges() throws {
    try expectAgreement(
      """
      import ctypes
      # h5py has no name for this option, so the library that it carries is called.
      path_of_library = next(l.split()[-1] for l in open('/proc/self/maps') if '/libhdf5-' in l)
      library = ctypes.CDLL(path_of_library)
      library.H5Pset_chunk_opts.argtypes = [ctypes.c_int64, ctypes.c_uint]
      p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
      p.set_chunk((3, 4)); p.set_shuffle(); p.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, ()); p.set_fletcher32()
      assert library.H5Pset_chunk_opts(p.id, 2) >= 0
      d = h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((7, 10)), p)
      d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(70.).reshape(7, 10) // 9)
      d = h5py.Dataset(d)
      sizes = [d.id.get_chunk_info(i).size for i in range(d.id.get_num_chunks())]
      assert sizes.count(96) == 5, sizes
      """)
  }

  /// A file whose dataset `x`, 256 float32 in one chunk, was stored as given.
  private func withChunk(_ stored: [UInt8], _ body: (HDF5DatasetDescription, MemorySource) throws -> Void) throws {
    try withScratch { scratch in
      let path = scratch.path("chunk.h5")
      let data = scratch.path("chunk.bin")
      try scratch.write(stored, to: data)
      try scratch.h5py(
        path, [data],
        """
        f = h5py.File(path, 'w')
        f.create_dataset('x', (256,), 'f4', chunks=(256,), compression='lzf').id.write_direct_chunk(
            (0,), open(args[0], 'rb').read(), 0)
        """)
      try body(try #require(try HDF5Inventory(describing: path).dataset("/x")), try MemorySource(path))
    }
  }

  /// A literal zero, then copies of it: a block that gives that many zeros.
  private func zeros(_ count: Int) -> [UInt8] {
    var block: [UInt8] = [0, 0]
    var rest = count - 1
    while rest > 0 {
      let run = min(rest, 264)
      precondition(run > 8)
      block += [0xE0, UInt8(run - 9), 0]
      rest -= run
    }
    return block
  }

  @Test("a block that does not give exactly the chunk is refused, and no byte of it is handed out")
  func wrongLength() throws {
    try withChunk(zeros(1024)) { description, source in
      let bytes = try HDF5DatasetReader(description, source: source).read()
      #expect(bytes == [UInt8](repeating: 0, count: 1024))
    }
    for (block, words) in [
      (zeros(1000), "gives 1000 bytes, it should give 1024"), (zeros(1048), "more than the 1024 bytes"),
      ([0xFF, 1, 2], "damaged"),
    ] as [([UInt8], String)] {
      try withChunk(block) { description, source in
        let reader = try HDF5DatasetReader(description, source: source)
        var buffer = [UInt8](repeating: 0xAB, count: 1024)
        let error = try #require(throws: HDF5Error.self) {
          try buffer.withUnsafeMutableBytes { try reader.read(0..<1024, into: $0) }
        }
        #expect(error.code == .damagedData && error.object == "/x")
        #expect(error.reason.contains(words), "\(error.reason)")
        #expect(buffer.allSatisfy { $0 == 0xAB })
      }
    }
  }

  @Test("files with changed bytes anywhere are read or refused, and end no process", .timeLimit(.minutes(5)))
  func mutants() throws {
    try withScratch { scratch in
      let path = scratch.path("whole.h5")
      try scratch.h5py(
        path, [],
        """
        a = np.arange(300.).reshape(20, 15) // 7
        h5py.File(path, 'w').create_dataset('x', data=a, chunks=(8, 4), compression='lzf', shuffle=True)
        """)
      let whole = try scratch.contents(path)
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      var damaged = 0
      for seed in 0..<3000 {
        // The chunks alone: what libhdf5 makes of damaged metadata is not the matter here.
        guard case .chunked(let index) = description.storage,
          let chunk = index.chunks[seed % index.chunks.count]
        else { continue }
        var bytes = whole
        let offset = Int(chunk.offset) + (seed &* 7919) % Int(chunk.storedSize)
        bytes[offset] = UInt8(truncatingIfNeeded: seed &* 131 >> 3)
        let code = errorCode { _ = try HDF5DatasetReader(description, source: MemorySource(bytes: bytes)).read() }
        #expect(code == nil || code == .damagedData)
        damaged += code == nil ? 0 : 1
      }
      #expect(damaged > 100)
    }
  }
}
