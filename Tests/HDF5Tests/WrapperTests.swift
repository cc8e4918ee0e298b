import Foundation
import TensorFerryHDF5
import Testing

/// Files, groups, datasets and links through the wrapper.
@Suite struct WrapperTests {
  @Test("what h5py writes is read back with numbers of any type that libhdf5 converts to")
  func converts() throws {
    try withScratch { scratch in
      let path = scratch.path("numbers.h5")
      try scratch.h5py(
        path, [],
        "f = h5py.File(path, 'w'); f['x'] = np.arange(6, dtype='>i2').reshape(2, 3); f['h'] = np.float16([0.5, -2])")
      let file = try HDF5File(opening: path)
      #expect(try file.dataset("x").read(as: Double.self) == [0, 1, 2, 3, 4, 5])
      #expect(try file.dataset("x").read(as: UInt8.self) == [0, 1, 2, 3, 4, 5])
      #expect(try file.dataset("h").read(as: Float.self) == [0.5, -2])
      #expect(try file.dataset("x").readBytes() == [0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0])
      #expect(try file.dataset("x").dimensions() == [2, 3])
    }
  }

  @Test("a hyperslab is read as numpy slices it")
  func readSlab() throws {
    try withScratch { scratch in
      let path = scratch.path("slab.h5")
      let expected = try scratch.h5py(
        path, [],
        "f = h5py.File(path, 'w'); f['x'] = np.arange(77).reshape(7, 11); print(f['x'][1:6:2, 3:9].ravel().tolist())")
      let slab = HDF5Hyperslab(start: [1, 3], count: [3, 6], stride: [2, 1])
      #expect("\(try HDF5File(opening: path).dataset("x").read(slab, as: Int64.self))\n" == expected)
    }
  }

  @Test("a dataset that is written slab by slab is the one that is written at once", arguments: [false, true])
  func writeSlabs(isChunked: Bool) throws {
    try withScratch { scratch in
      let path = scratch.path("slabs.h5")
      try HDF5File.create(at: path) { file in
        let layout: HDF5DatasetOptions.Layout = isChunked ? .chunked([3, 2]) : .contiguous
        let dataset = try file.createDataset(
          "x", .integer(bits: 32, isSigned: true), dimensions: [7, 5], options: HDF5DatasetOptions(layout: layout))
        for row in 0..<7 {
          let values = (0..<5).map { Int32(row * 5 + $0) }
          try dataset.write(values, to: HDF5Hyperslab(start: [UInt64(row), 0], count: [1, 5]))
        }
      }
      #expect(
        try scratch.h5py(path, [], "print(np.array_equal(h5py.File(path)['x'], np.arange(35).reshape(7, 5)))")
          == "True\n")
    }
  }

  @Test("data that is allocated early lies at the reported, aligned offset")
  func earlyOffset() throws {
    try withScratch { scratch in
      let path = scratch.path("early.h5")
      let offsets = try HDF5File.create(at: path, options: HDF5FileOptions(alignment: 64, alignmentThreshold: 16)) {
        file in
        try ["a", "b"].map { name in
          let dataset = try file.createDataset(
            name, .float32, dimensions: [5, 3], options: HDF5DatasetOptions(layout: .contiguousAllocatedEarly))
          return try #require(try dataset.fileOffset())
        }
      }
      #expect(offsets.allSatisfy { $0 % 64 == 0 && $0 > 0 })
      // Written around libhdf5, into the place that it reserved.
      var bytes = try scratch.contents(path)
      bytes.replaceSubrange(Int(offsets[1])..<Int(offsets[1]) + 60, with: (0..<15).flatMap { [0, 0, UInt8($0), 0x40] })
      try scratch.write(bytes, to: path)
      let output = try scratch.h5py(
        path, [],
        """
        d = h5py.File(path)['b']
        print(d[()].view('u4').ravel().tolist() == [0x40000000 + (i << 16) for i in range(15)], d.id.get_offset())
        """
      )
      #expect(output == "True \(offsets[1])\n")
    }
  }

  @Test("a dataset that is allocated late has no offset before it is written")
  func lateOffset() throws {
    try withScratch { scratch in
      try HDF5File.create(at: scratch.path("late.h5"), options: HDF5FileOptions(userBlockSize: 512)) { file in
        let dataset = try file.createDataset("x", .float32, dimensions: [5, 3])
        #expect(try dataset.fileOffset() == nil)
        try dataset.write([Float](repeating: 0, count: 15))
        #expect(try dataset.fileOffset() != nil)
      }
    }
  }

  @Test("members are listed in the order of creation on request, else by name, links as what they are")
  func members() throws {
    try withScratch { scratch in
      let path = scratch.path("members.h5")
      try HDF5File.create(at: path, options: HDF5FileOptions(tracksCreationOrder: true)) { file in
        let group = try file.createGroup("z")
        try group.createDataset("b", .float32, dimensions: [2])
        try group.createDataset("a", .float32, dimensions: [2])
        try file.createHardLink("tied", to: "z/b")
        try file.createSoftLink("soft", to: "/z/a")
      }
      let output = try scratch.h5py(
        path, [],
        "f = h5py.File(path); print(list(f), list(f['z']), f['tied'] == f['z/b'], f.get('soft', getlink=True).path)")
      #expect(output == "['z', 'tied', 'soft'] ['a', 'b'] True /z/a\n")
      let file = try HDF5File(opening: path)
      #expect(try file.members().map(\.name) == ["z", "tied", "soft"])
      #expect(try file.members().map(\.kind) == [.hard, .hard, .soft(to: "/z/a")])
      #expect(try file.group("z").members().map(\.name) == ["a", "b"])
      #expect(try file.dataset("soft").path == "/soft")
    }
  }

  @Test("external links are listed with file and object")
  func external() throws {
    try withScratch { scratch in
      let path = scratch.path("external.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['x'] = h5py.ExternalLink('other.h5', '/a/b')")
      #expect(try HDF5File(opening: path).members().map(\.kind) == [.external(file: "other.h5", object: "/a/b")])
    }
  }

  @Test("a path is found only if every step of it is there")
  func contains() throws {
    try withScratch { scratch in
      let path = scratch.path("steps.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w'); f['a/b.c'] = [1]; f['dangling'] = h5py.SoftLink('/no')")
      let file = try HDF5File(opening: path)
      #expect(try ["a", "/a", "a/b.c", "/a/b.c", "dangling"].allSatisfy { try file.contains($0) })
      #expect(try ["", "b", "a/c", "x/y/z", "a/b.c/d", "dangling/x"].allSatisfy { try !file.contains($0) })
      #expect(try file.group("a").contains("b.c"))
    }
  }

  @Test("a dataset that grows keeps what it had, and has the fill value in the new part")
  func resize() throws {
    try withScratch { scratch in
      let path = scratch.path("resize.h5")
      try HDF5File.create(at: path) { file in
        let options = HDF5DatasetOptions(layout: .chunked([2, 2]), maximumDimensions: [nil, nil])
        let dataset = try file.createDataset(
          "x", .integer(bits: 8, isSigned: true), dimensions: [2, 3], options: options)
        try dataset.write([Int8](1...6))
        try dataset.resize(to: [3, 4])
      }
      #expect(
        try scratch.h5py(path, [], "print(h5py.File(path)['x'][()].tolist())")
          == "[[1, 2, 3, 0], [4, 5, 6, 0], [0, 0, 0, 0]]\n")
    }
  }

  @Test("what the body of a creation throws comes out, and the file is closed")
  func bodyThrows() throws {
    struct Stop: Error {}
    try withScratch { scratch in
      #expect(throws: Stop.self) {
        try HDF5File.create(at: scratch.path("stop.h5")) { file in
          _ = try file.createDataset("x", .float32, dimensions: [2])
          throw Stop()
        }
      }
    }
  }

  @Test("files may be read from several tasks at once")
  func concurrent() async throws {
    let scratch = Scratch(directory: FileManager.default.temporaryDirectory)
    let path = scratch.path("tensorferry-\(UUID().uuidString).h5")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try HDF5File.create(at: path) { file in
      for index in 0..<8 {
        try file.createDataset("\(index)", .float64, dimensions: [1000]).write(
          [Double](repeating: Double(index), count: 1000))
      }
    }
    let file = try HDF5File(opening: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<64 {
        group.addTask {
          let dataset = try file.dataset("\(task % 8)")
          #expect(try dataset.read(as: Double.self) == [Double](repeating: Double(task % 8), count: 1000))
          #expect(errorCode { _ = try file.dataset("missing") } == .notFound)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("nothing that a read or write makes stays behind in libhdf5")
  func leaks() throws {
    try withScratch { scratch in
      let zoo = try Zoo(in: scratch, version: "v108")
      let before = OpenObjects.transientCount
      for round in 0..<20 {
        let inventory = try HDF5Inventory(describing: zoo.path)
        try HDF5File.create(at: scratch.path("\(round).h5")) { file in
          for animal in zoo.animals where animal.type == "float32" && !animal.bytes.isEmpty {
            let type = try #require(inventory.dataset(animal.path)?.elementType)
            let dataset = try file.createDataset(
              animal.path.replacing("/", with: "."), type, dimensions: animal.dimensions)
            try dataset.write(bytes: animal.bytes)
            try dataset.setAttribute("path", .strings([animal.path]))
          }
        }
      }
      // Other tests run at the same time; a leak would leave at least one object for each of thousands of calls.
      #expect(OpenObjects.transientCount - before < 500)
    }
  }
}
