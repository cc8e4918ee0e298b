import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct FileHashTests {
  private func sha256(_ paths: [String]) throws -> [String] {
    let code = "import sys, hashlib\nfor p in sys.argv[1:]: print(hashlib.sha256(open(p, 'rb').read()).hexdigest())"
    return try python(code, paths).split(separator: "\n").map(String.init)
  }

  @Test(
    "a file has the hash that hashlib gives, whether it takes no piece, a part of one, or several",
    arguments: [0, 1000, (4 << 20) + 3])
  func one(size: Int) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "bytes")
      try Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }).write(to: url)
      #expect(try [FileHash(of: SourceFile(path: url.path)).sha256] == sha256([url.path]))
    }
  }

  @Test("a set of shards is its index and every shard, each with its hash")
  func shards() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for (name, rows) in [("a", 5), ("b", 3), ("c", 7)] {
        try state.append(name, LazyTensor(Tensor([Float](repeating: 0.5, count: rows * 2), shape: Shape([rows, 2]))))
      }
      try state.write(path: directory.path, format: .safetensors(shardSize: 60))
      let read = try StateDict(path: directory.path)
      let origin = try #require(read.origin?.path)
      let hashes = try FileHash.all(of: origin, holding: read.map(\.tensor))
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(names.count == 4)
      #expect(Set(hashes.map { $0.path.split(separator: "/").last.map(String.init) ?? "" }) == Set(names))
      #expect(hashes.first?.path == origin)
      #expect(try hashes.map(\.sha256) == sha256(hashes.map(\.path)))
    }
  }

  @Test("of a directory that holds no tensor in place, every file is hashed; a path that is not there is an error")
  func directory() throws {
    try withTemporaryDirectory { directory in
      try FileManager.default.createDirectory(at: directory.appending(path: "set"), withIntermediateDirectories: true)
      for name in ["x", "set/y"] { try Data(name.utf8).write(to: directory.appending(path: name)) }
      let hashes = try FileHash.all(of: directory.path, holding: [])
      #expect(hashes.map { $0.path.dropFirst(directory.path.count) } == ["/set/y", "/x"])
      #expect(throws: TensorError.self) { try FileHash.all(of: directory.path + "/nothing", holding: []) }
    }
  }
}
