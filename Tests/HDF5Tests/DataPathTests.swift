import Foundation
import TensorFerryHDF5
import Testing

@Suite struct DataPathTests {
  @Test(
    "every dataset that h5py writes is read with h5py's type, shape and bytes",
    arguments: ["earliest", "v108", "v110"], [0, 512])
  func equalsH5py(version: String, userBlockSize: Int) throws {
    try withScratch { scratch in
      let zoo = try Zoo(in: scratch, version: version, userBlockSize: userBlockSize)
      let inventory = try HDF5Inventory(describing: zoo.path)
      #expect(inventory.userBlockSize == UInt64(userBlockSize))
      let source = try MemorySource(zoo.path)
      #expect(zoo.animals.count > 90)
      for animal in zoo.animals {
        let description = try #require(inventory.dataset(animal.path), "\(animal.path) is missing")
        #expect(description.elementType.description == animal.type, "\(animal.path)")
        #expect(description.dimensions == animal.dimensions, "\(animal.path)")
        try #require(description.refusal == nil, "\(animal.path)")
        #expect(try HDF5DatasetReader(description, source: source).read() == animal.bytes, "\(animal.path)")
      }
    }
  }

  @Test("a file in the newest format is read with h5py's bytes, or listed as unreadable or refused, never left out")
  func newestFormat() throws {
    try withScratch { scratch in
      let zoo = try Zoo(in: scratch, version: "latest")
      let inventory = try HDF5Inventory(describing: zoo.path)
      let source = try MemorySource(zoo.path)
      var equal = 0
      for animal in zoo.animals {
        switch try #require(inventory.target(animal.path), "\(animal.path) is missing") {
        case .unreadable(let reason): #expect(reason.contains(HDF5File.libraryVersion), "\(animal.path)")
        case .dataset(let description) where description.refusal == nil:
          #expect(description.elementType.description == animal.type, "\(animal.path)")
          #expect(try HDF5DatasetReader(description, source: source).read() == animal.bytes, "\(animal.path)")
          equal += 1
        case .dataset: break
        default: Issue.record("\(animal.path) is not a dataset")
        }
      }
      #expect(equal > 10)
    }
  }

  @Test("reading in pieces of any size gives the bytes of reading at once")
  func pieces() throws {
    try withScratch { scratch in
      let zoo = try Zoo(in: scratch, version: "v108")
      let inventory = try HDF5Inventory(describing: zoo.path)
      let source = try MemorySource(zoo.path)
      for animal in zoo.animals {
        let reader = try HDF5DatasetReader(try #require(inventory.dataset(animal.path)), source: source)
        for size in [1, 3, 7, 16, 61, 1000] {
          var bytes: [UInt8] = []
          for start in stride(from: 0, to: animal.bytes.count, by: size) {
            let range = start..<min(animal.bytes.count, start + size)
            var piece = [UInt8](repeating: 0xAB, count: range.count)
            try piece.withUnsafeMutableBytes { try reader.read(range, into: $0) }
            bytes += piece
          }
          #expect(bytes == animal.bytes, "\(animal.path), \(size) bytes at a time")
        }
      }
    }
  }

  @Test("a chunk is fetched once in a call, however many rows it has")
  func fetchesOnce() throws {
    final class Counter: HDF5ByteSource, @unchecked Sendable {
      // Safe because one test on one thread uses it.
      var offsets: [UInt64] = []
      let base: MemorySource
      init(_ base: MemorySource) { self.base = base }
      var byteCount: UInt64 { base.byteCount }
      func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
        offsets.append(offset)
        try base.read(at: offset, into: buffer)
      }
    }
    try withScratch { scratch in
      let path = scratch.path("rows.h5")
      try scratch.h5py(
        path, [],
        """
        a = np.arange(99.).reshape(11, 9)
        h5py.File(path, 'w').create_dataset('x', data=a, chunks=(4, 5), compression='gzip')
        """
      )
      let counter = Counter(try MemorySource(path))
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      _ = try HDF5DatasetReader(description, source: counter).read()
      #expect(counter.offsets.count == 6)
      #expect(Set(counter.offsets).count == 6)
    }
  }

  @Test("the dimensions of a range that does not lie in the dataset are refused", arguments: [0..<97, -1..<4, 90..<97])
  func outOfRange(range: Range<Int>) throws {
    try withScratch { scratch in
      let path = scratch.path("small.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = np.arange(12.).reshape(3, 4)")
      let reader = try HDF5DatasetReader(
        try #require(try HDF5Inventory(describing: path).dataset("/x")), source: try MemorySource(path))
      var buffer = [UInt8](repeating: 0, count: range.count)
      #expect(errorCode { try buffer.withUnsafeMutableBytes { try reader.read(range, into: $0) } } == .outOfRange)
    }
  }
}
