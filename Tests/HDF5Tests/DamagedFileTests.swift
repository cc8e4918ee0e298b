import Foundation
import TensorFerryHDF5
import TensorFerryZlib
import Testing

@Suite struct DamagedFileTests {
  enum Kind: String, CaseIterable {
    case text, empty, directory, missing, truncated, cutInHeader, nullInPath
  }

  @Test(
    "what is not a whole HDF5 file is refused with its own code, by both ways of opening",
    arguments: [
      (Kind.text, HDF5Error.Code.notHDF5), (.empty, .notHDF5), (.directory, .unreadableFile),
      (.missing, .unreadableFile), (.truncated, .damagedFile), (.cutInHeader, .damagedFile),
      (.nullInPath, .unreadableFile),
    ])
  func notAFile(kind: Kind, expected: HDF5Error.Code) throws {
    try withScratch { scratch in
      var path = scratch.path("file.h5")
      switch kind {
      case .text: try scratch.write(Array("a,b\n1,2\n".utf8), to: path)
      case .empty: try scratch.write([], to: path)
      case .directory: path = scratch.directory.path()
      case .missing: break
      case .truncated, .cutInHeader:
        try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = np.arange(1000.)")
        let bytes = try scratch.contents(path)
        try scratch.write(Array(bytes[..<(kind == .truncated ? bytes.count / 2 : 40)]), to: path)
      case .nullInPath: path += "\0.h5"
      }
      #expect(errorCode { _ = try HDF5Inventory(describing: path) } == expected)
      #expect(errorCode { _ = try HDF5File(opening: path) } == expected)
    }
  }

  @Test("a FIFO is refused and does not hang", .timeLimit(.minutes(1)))
  func fifo() throws {
    try withScratch { scratch in
      let path = scratch.path("pipe")
      try #require(mkfifo(path, 0o600) == 0)
      #expect(errorCode { _ = try HDF5Inventory(describing: path) } == .unreadableFile)
    }
  }

  @Test("an error names the file, the operation and what libhdf5 said")
  func message() throws {
    try withScratch { scratch in
      let path = scratch.path("cut.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = np.arange(1000.)")
      try scratch.write(Array(try scratch.contents(path).dropLast(100)), to: path)
      let error = try #require(throws: HDF5Error.self) { try HDF5File(opening: path) }
      #expect(error.path == path)
      #expect(error.frames.first?.function == "H5Fopen")
      #expect(error.description.hasPrefix("\(path): HDF5: cannot open the file: "))
      #expect(error.description.contains("truncated"))
    }
  }

  @Test("a byte that is lost from contiguous data between describing and reading is an error of the source or the data")
  func shrunk() throws {
    try withScratch { scratch in
      let path = scratch.path("shrunk.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = np.arange(1000.)")
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      let shorter = MemorySource(bytes: Array(try scratch.contents(path).prefix(4000)))
      #expect(errorCode { _ = try HDF5DatasetReader(description, source: shorter) } == .damagedData)
    }
  }

  /// A file whose dataset `x`, 256 float32 in one chunk, was stored as given.
  private func withChunk(
    filters: String, _ stored: [UInt8], _ body: (HDF5DatasetDescription, MemorySource) throws -> Void
  ) throws {
    try withScratch { scratch in
      let path = scratch.path("chunk.h5")
      let data = scratch.path("chunk.bin")
      try scratch.write(stored, to: data)
      try scratch.h5py(
        path, [data],
        """
        f = h5py.File(path, 'w')
        f.create_dataset('x', (256,), 'f4', chunks=(256,), \(filters)).id.write_direct_chunk(
            (0,), open(args[0], 'rb').read(), 0)
        """)
      try body(try #require(try HDF5Inventory(describing: path).dataset("/x")), try MemorySource(path))
    }
  }

  private static let values = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 3) }

  @Test("the chunks of these tests are read where they are whole")
  func whole() throws {
    try withChunk(filters: "compression='gzip'", deflate(Self.values)) { description, source in
      let bytes = try HDF5DatasetReader(description, source: source).read()
      #expect(bytes == Self.values)
    }
  }

  @Test(
    "a chunk whose stream does not give exactly the chunk is refused, and no byte of it is handed out",
    arguments: [64, 1023, 1025, 4096])
  func wrongLength(count: Int) throws {
    let stream = deflate((0..<count).map { Self.values[$0 % 1024] })
    try withChunk(filters: "compression='gzip'", stream) { description, source in
      let reader = try HDF5DatasetReader(description, source: source)
      var buffer = [UInt8](repeating: 0xAB, count: 1024)
      #expect(errorCode { try buffer.withUnsafeMutableBytes { try reader.read(0..<1024, into: $0) } } == .damagedData)
      #expect(buffer.allSatisfy { $0 == 0xAB })
    }
  }

  @Test("a stream of 500 kB that would inflate to 500 MB is refused before it does", .timeLimit(.minutes(1)))
  func bomb() throws {
    var bomb: [UInt8] = []
    while bomb.count < 2048 { bomb = deflate([UInt8](repeating: 0, count: 1 << 21), level: 9) }
    try withChunk(filters: "compression='gzip'", bomb) { description, source in
      #expect(errorCode { _ = try HDF5DatasetReader(description, source: source).read() } == .damagedData)
    }
    let larger = deflate([UInt8](repeating: 0, count: 1 << 23), level: 9)
    try withChunk(filters: "compression='gzip'", larger) { description, source in
      #expect(description.refusal?.contains("decodes to 1024") == true)
    }
  }

  @Test("bytes behind the stream, a damaged stream and half a stream are refused")
  func damagedStream() throws {
    let stream = deflate(Self.values)
    var flipped = stream
    flipped[stream.count - 2] ^= 1
    for bytes in [stream + [0], flipped, Array(stream.prefix(stream.count / 2)), [1]] {
      try withChunk(filters: "compression='gzip'", bytes) { description, source in
        #expect(errorCode { _ = try HDF5DatasetReader(description, source: source).read() } == .damagedData)
      }
    }
  }

  @Test("a chunk without filters must have the size of the chunk", arguments: [1, 1020, 1028])
  func rawLength(count: Int) throws {
    try withChunk(filters: "", (0..<count).map { Self.values[$0 % 1024] }) { description, source in
      #expect(errorCode { _ = try HDF5DatasetReader(description, source: source).read() } == .damagedData)
    }
  }

  @Test("one changed bit anywhere in a chunk with a checksum is refused")
  func checksum() throws {
    try withScratch { scratch in
      let path = scratch.path("sum.h5")
      try scratch.h5py(
        path, [], "h5py.File(path, 'w').create_dataset('x', data=np.arange(40.), chunks=(40,), fletcher32=True)")
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      let bytes = try scratch.contents(path)
      guard case .chunked(let index) = description.storage, let chunk = index.chunks[0] else {
        Issue.record("\(description.storage)")
        return
      }
      for offset in stride(from: Int(chunk.offset), to: Int(chunk.offset + chunk.storedSize), by: 5) {
        var changed = bytes
        changed[offset] ^= 0x10
        let reader = try HDF5DatasetReader(description, source: MemorySource(bytes: changed))
        #expect(errorCode { _ = try reader.read() } == .damagedData, "byte \(offset)")
      }
    }
  }

  @Test("an error of damaged data names the dataset and both sizes")
  func damageMessage() throws {
    try withChunk(filters: "compression='gzip'", deflate(Array(Self.values.prefix(64)))) { description, source in
      let reader = try HDF5DatasetReader(description, source: source)
      let error = try #require(throws: HDF5Error.self) { try reader.read() }
      #expect(error.object == "/x")
      #expect(error.reason.contains("gives 64 bytes, it should give 1024"))
    }
  }
}
