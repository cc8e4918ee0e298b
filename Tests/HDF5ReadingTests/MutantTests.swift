import Foundation
import TensorFerryHDF5Reading
import TensorFerryTestSupport
import Testing

/// Damaged copies of files, so that the parser sees what nobody writes.
@Suite struct MutantTests {
  static let small = [
    "types-earliest.h5", "shared-earliest.h5", "shared-latest.h5", "attributes-v108.h5", "types-latest.h5",
  ]

  @Test("no changed byte makes the parser or the reader trap", arguments: small)
  func randomBytes(file: String) throws {
    let original = try contents(Menagerie.path(file))
    var random = SystemRandomNumberGenerator()
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "mutant.h5").path()
      for _ in 0..<300 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        try readAll(bytes, path)
      }
    }
  }

  @Test(
    "no changed byte of metadata makes them trap when its checksum is right",
    arguments: small.filter { !$0.contains("earliest") })
  func repairedBytes(file: String) throws {
    let original = try contents(Menagerie.path(file))
    let regions = ChecksummedRegion.find(in: original)
    #expect(regions.count > 5)
    var random = SystemRandomNumberGenerator()
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "mutant.h5").path()
      for _ in 0..<600 {
        var bytes = original
        let region = regions.randomElement(using: &random)!
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          let place = Int.random(in: region.range, using: &random)
          bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(
            using: &random)!
        }
        region.repair(&bytes)
        try readAll(bytes, path)
      }
    }
  }

  @Test("no truncation makes them trap", arguments: ["shared-latest.h5", "types-earliest.h5"])
  func truncations(file: String) throws {
    let original = try contents(Menagerie.path(file))
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "mutant.h5").path()
      for count in stride(from: 0, to: original.count, by: 37) {
        try readAll(Array(original[..<count]), path)
        #expect(throws: (any Error).self) { try HDF5Inventory(describing: path) }
      }
    }
  }

  /// Reads everything that the parser finds in a file with these bytes.
  private func readAll(_ bytes: [UInt8], _ path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
    guard let inventory = try? HDF5Inventory(describing: path) else { return }
    let source = MemorySource(bytes: bytes)
    for link in inventory.links {
      guard case .dataset(let dataset) = link.target, dataset.byteCount <= 1 << 20 else { continue }
      if let read = try? HDF5DatasetReader(dataset, source: source).read() {
        #expect(read.count == dataset.byteCount)
      }
      _ = inventory.texts(of: dataset)
    }
  }

  /// h5py reads each mutant in a process of its own, because HDF5 may crash in it.
  private static let reader = """
    import json, os, sys
    import h5py, numpy as np
    def read(path):
        found = {}
        with h5py.File(path, 'r') as f:
            for name in f:
                try:
                    link = f.get(name, getlink=True)
                    d = f[name]
                    if not isinstance(link, h5py.HardLink) or not isinstance(d, h5py.Dataset): continue
                    if d.shape is None or d.dtype.kind not in 'fciub' or d.size > 1 << 16: continue
                    if h5py.check_enum_dtype(d.dtype) or d.dtype == 'g': continue
                    a = np.asarray(d[()])
                    found['/' + name] = a.astype(a.dtype.newbyteorder('<')).tobytes().hex()
                except Exception: pass
        return found
    for path in sys.argv[1:]:
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(into, json.dumps(read(path)).encode())
            except Exception: pass
            os._exit(0)
        os.close(into)
        text = os.fdopen(out, 'rb').read()
        os.waitpid(child, 0)
        try: found = json.loads(text)
        except ValueError: found = {}
        for name, value in found.items(): print(os.path.basename(path), name, value, sep='\\t')
    """

  @Test(
    "what both the parser and h5py read of a mutant is equal", arguments: ["shared-earliest.h5", "shared-latest.h5"])
  func agreement(file: String) throws {
    let original = try contents(Menagerie.path(file))
    let regions = ChecksummedRegion.find(in: original)
    var random = SystemRandomNumberGenerator()
    try withTemporaryDirectory { directory in
      var paths: [String] = []
      for number in 0..<120 {
        var bytes = original
        if let region = regions.randomElement(using: &random) {
          bytes[Int.random(in: region.range, using: &random)] = UInt8.random(in: 0...255, using: &random)
          region.repair(&bytes)
        } else {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let path = directory.appending(path: "\(number).h5").path()
        try Data(bytes).write(to: URL(filePath: path))
        paths.append(path)
      }
      let lines = try python(Self.reader, paths).split(separator: "\n").map {
        $0.split(separator: "\t", omittingEmptySubsequences: false)
      }
      var compared = 0
      for path in paths {
        guard let inventory = try? HDF5Inventory(describing: path) else { continue }
        let source = MemorySource(bytes: try contents(path))
        let name = path.split(separator: "/").last!
        for link in inventory.links {
          guard case .dataset(let dataset) = link.target,
            let theirs = lines.first(where: { $0[0] == name && $0[1] == link.path }),
            let mine = try? HDF5DatasetReader(dataset, source: source).read()
          else { continue }
          compared += 1
          #expect(mine.hex == theirs[2], "\(link.path) of \(name)")
        }
      }
      #expect(compared > 50)
    }
  }
}
