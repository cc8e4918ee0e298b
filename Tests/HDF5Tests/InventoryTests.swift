import Foundation
import TensorFerryHDF5
import Testing

@Suite struct InventoryTests {
  @Test("links come depth first, a group before its members, by name where no order is kept")
  func byName() throws {
    try withScratch { scratch in
      let path = scratch.path("names.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w'); f['b'] = 1; f['a/z'] = 2; f['a/y'] = 3; f['c.d'] = 4")
      #expect(try HDF5Inventory(describing: path).links.map(\.path) == ["/a", "/a/y", "/a/z", "/b", "/c.d"])
    }
  }

  @Test("links and attributes come in the order of creation where it is kept")
  func byCreation() throws {
    try withScratch { scratch in
      let path = scratch.path("order.h5")
      try scratch.h5py(
        path, [],
        """
        f = h5py.File(path, 'w', track_order=True)
        f['zulu'] = 1; f['alpha'] = 2
        g = f.create_group('mike', track_order=True); g['y'] = 3; g['b'] = 4
        plain = f.create_group('kilo', track_order=False); plain['y'] = 3; plain['b'] = 4
        for name in ['two', 'one', 'three']: f.attrs[name] = 1; g.attrs[name] = 1; plain.attrs[name] = 1
        """)
      let inventory = try HDF5Inventory(describing: path)
      #expect(
        inventory.links.map(\.path)
          == ["/zulu", "/alpha", "/mike", "/mike/y", "/mike/b", "/kilo", "/kilo/b", "/kilo/y"])
      #expect(inventory.attributes.map(\.name) == ["two", "one", "three"])
      #expect(groupAttributes(inventory, "/mike") == ["two", "one", "three"])
      #expect(groupAttributes(inventory, "/kilo") == ["one", "three", "two"])
    }
  }

  private func groupAttributes(_ inventory: HDF5Inventory, _ path: String) -> [String]? {
    if case .group(_, let attributes) = inventory.target(path) { attributes.map(\.name) } else { nil }
  }

  @Test("two names of one dataset have one identity, another dataset has another")
  func hardLinks() throws {
    try withScratch { scratch in
      let path = scratch.path("tied.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w'); f['a'] = [1.5]; f['g/b'] = f['a']; f['c'] = [1.5]")
      let inventory = try HDF5Inventory(describing: path)
      let identity = try #require(inventory.dataset("/a")?.identity)
      #expect(inventory.dataset("/g/b")?.identity == identity)
      #expect(inventory.dataset("/c")?.identity != identity)
    }
  }

  @Test("the members of a group with two names are listed under both")
  func linkedGroup() throws {
    try withScratch { scratch in
      let path = scratch.path("twice.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w'); f['b/in/x'] = [1]; f['b/y'] = [2]; f['c'] = f['b']")
      let inventory = try HDF5Inventory(describing: path)
      #expect(
        inventory.links.map(\.path) == ["/b", "/b/in", "/b/in/x", "/b/y", "/c", "/c/in", "/c/in/x", "/c/y"])
      #expect(inventory.dataset("/c/in/x")?.identity == inventory.dataset("/b/in/x")?.identity)
    }
  }

  @Test("a group inside itself is listed as unreadable, and listing ends")
  func cycle() throws {
    try withScratch { scratch in
      let path = scratch.path("cycle.h5")
      try scratch.h5py(path, [], "f = h5py.File(path, 'w'); f['g/x'] = [1]; f['g/self'] = f['g']; f['g/root'] = f['/']")
      let inventory = try HDF5Inventory(describing: path)
      #expect(inventory.links.map(\.path) == ["/g", "/g/root", "/g/self", "/g/x"])
      #expect(isUnreadable(inventory.target("/g/self")))
      #expect(isUnreadable(inventory.target("/g/root")))
    }
  }

  @Test("groups below level 64 are listed as unreadable")
  func depth() throws {
    try withScratch { scratch in
      let path = scratch.path("deep.h5")
      try scratch.h5py(path, [], "h5py.File(path, 'w')['/'.join('g' * 70) + '/x'] = [1]")
      let inventory = try HDF5Inventory(describing: path)
      #expect(inventory.links.count == 64)
      #expect(isUnreadable(inventory.links.last?.target))
    }
  }

  private func isUnreadable(_ target: HDF5Link.Target?) -> Bool {
    if case .unreadable = target { true } else { false }
  }

  @Test("soft and external links and committed types are listed and not followed")
  func otherLinks() throws {
    try withScratch { scratch in
      let path = scratch.path("links.h5")
      try scratch.h5py(
        path, [],
        """
        f = h5py.File(path, 'w')
        f['soft'] = h5py.SoftLink('/nowhere/at all')
        f['external'] = h5py.ExternalLink('/etc/passwd', '/secret')
        f['type'] = np.dtype('f4')
        """)
      let inventory = try HDF5Inventory(describing: path)
      guard case .soft(to: "/nowhere/at all") = inventory.target("/soft") else {
        Issue.record("\(String(describing: inventory.target("/soft")))")
        return
      }
      guard case .external("/etc/passwd", "/secret") = inventory.target("/external") else {
        Issue.record("\(String(describing: inventory.target("/external")))")
        return
      }
      guard case .committedDatatype = inventory.target("/type") else {
        Issue.record("\(String(describing: inventory.target("/type")))")
        return
      }
    }
  }

  @Test(
    "the version of the superblock and the user block are reported",
    arguments: [("earliest", 0), ("v108", 2), ("v110", 3)])
  func header(version: String, superblock: Int) throws {
    try withScratch { scratch in
      let path = scratch.path("header.h5")
      try scratch.h5py(path, [version], "h5py.File(path, 'w', libver=args[0], userblock_size=1024)['x'] = [1]")
      let inventory = try HDF5Inventory(describing: path)
      #expect(inventory.superblockVersion == superblock)
      #expect(inventory.userBlockSize == 1024)
      #expect(inventory.byteCount == UInt64(try scratch.contents(path).count))
    }
  }

  @Test("the offset of contiguous data is that of its first byte in the file", arguments: [0, 2048])
  func offset(userBlockSize: Int) throws {
    try withScratch { scratch in
      let path = scratch.path("offset.h5")
      try scratch.h5py(
        path, [String(userBlockSize)],
        "h5py.File(path, 'w', userblock_size=int(args[0]))['x'] = np.frombuffer(b'the bytes of it.', 'u1')")
      let description = try #require(try HDF5Inventory(describing: path).dataset("/x"))
      guard case .contiguous(let offset) = description.storage else {
        Issue.record("\(description.storage)")
        return
      }
      #expect(Array(try scratch.contents(path)[Int(offset)...].prefix(16)) == Array("the bytes of it.".utf8))
    }
  }

  @Test("5,000 datasets with attributes are described in seconds", .timeLimit(.minutes(1)))
  func manyDatasets() throws {
    try withScratch { scratch in
      let path = scratch.path("many.h5")
      try scratch.h5py(
        path, [],
        """
        f = h5py.File(path, 'w', track_order=True)
        for i in range(5000):
            f[f'layer.{i}.weight'] = np.full((2, 3), i, 'f4')
            f[f'layer.{i}.weight'].attrs['sha256'] = '0' * 64
        """)
      let clock = ContinuousClock()
      var inventory: HDF5Inventory?
      let time = try clock.measure { inventory = try HDF5Inventory(describing: path) }
      #expect(inventory?.links.count == 5000)
      #expect(inventory?.links.last?.path == "/layer.4999.weight")
      #expect(time < .seconds(20))
    }
  }
}
