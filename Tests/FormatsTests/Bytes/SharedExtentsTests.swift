import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// On a file system that shares extents. It is an XFS in a file, so the tests need Linux, `mkfs.xfs` and the right to
/// mount; without one of them they are skipped, and the reason is their name.
@Suite(.serialized) struct SharedExtentsTests {
  private static let canMount: Bool = {
    guard let done = try? onXFS({ _ in true }) else { return false }
    return done
  }()

  /// Calls `body` with a folder on a new XFS.
  private static func onXFS<Result>(_ body: (URL) throws -> Result) throws -> Result {
    try withTemporaryDirectory { directory in
      let image = directory.appending(path: "image")
      let folder = directory.appending(path: "xfs")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      func shell(_ command: String) throws {
        let done = try run(URL(filePath: "/bin/sh"), ["-c", command, "sh", image.path, folder.path])
        guard done.status == 0 else { throw PythonFailureText(done.errors) }
      }
      try shell("truncate -s 400M \"$1\" && mkfs.xfs -q \"$1\" && mount -o loop \"$1\" \"$2\"")
      defer { try? shell("umount \"$2\"") }
      return try body(folder)
    }
  }

  private struct PythonFailureText: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// 48 MiB in 12 tensors of unequal sides, as the safetensors library writes them.
  private static let source = """
    import sys, numpy as np
    from safetensors.numpy import save_file
    rng = np.random.default_rng(3)
    save_file({f'old.{i}': rng.random((1024 + i, 1024), np.float32) for i in range(12)}, sys.argv[1])
    """

  @Test("a file with every key renamed shares all but 64 KiB", .enabled("a mounted XFS is needed") { canMount })
  func renamed() throws {
    try Self.onXFS { folder in
      let path = folder.appending(path: "source.safetensors").path
      try python(Self.source, [path])
      let state = try StateDict(path: path)
      var renamed = StateDict()
      for element in state { try renamed.append("new" + element.name.dropFirst(3), element.tensor) }
      let output = folder.appending(path: "out.safetensors").path
      let report = try Conversion(renamed, to: .safetensors).write(to: output)
      let byteCount = state.reduce(0) { $0 + $1.tensor.byteCount }
      #expect(byteCount - report.sharedByteCount <= 64 << 10)
      #expect(report.copiedByteCount == 0)
      try python(
        """
        import sys
        from safetensors.numpy import load_file
        old, new = map(load_file, sys.argv[1:])
        assert len(old) == len(new) == 12 and all((old['old' + k[3:]] == v).all() for k, v in new.items())
        """, [path, output])
    }
  }

  @Test("each of four shards shares all but 64 KiB", .enabled("a mounted XFS is needed") { canMount })
  func split() throws {
    try Self.onXFS { folder in
      let path = folder.appending(path: "source.safetensors").path
      try python(Self.source, [path])
      let state = try StateDict(path: path)
      let byteCount = state.reduce(0) { $0 + $1.tensor.byteCount }
      let report = try Conversion(state, to: .safetensors(shardSize: byteCount / 4 + (64 << 10)))
        .write(to: folder.appending(path: "out.safetensors").path)
      #expect(byteCount - report.sharedByteCount <= 4 * 64 << 10)
      let shards = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("-of-00004") }
      #expect(shards.count == 4)
    }
  }

  @Test(
    "large tensors are shared between formats, too", .enabled("a mounted XFS is needed") { canMount },
    arguments: [("h5", "pt"), ("pt", "npz"), ("npz", "h5"), ("h5", "safetensors")])
  func formats(from source: String, to target: String) throws {
    let formats = Dictionary(uniqueKeysWithValues: WritableFormat.all.map { ($0.ending, $0.format) })
    try Self.onXFS { folder in
      let path = folder.appending(path: "source.safetensors").path
      try python(Self.source, [path])
      let first = folder.appending(path: "first." + source).path
      try Conversion(StateDict(path: path), to: #require(formats[source])).write(to: first)
      let state = try StateDict(path: first)
      let report = try Conversion(state, to: #require(formats[target]))
        .write(to: folder.appending(path: "second." + target).path)
      let byteCount = state.reduce(0) { $0 + $1.tensor.byteCount }
      #expect(byteCount - report.sharedByteCount <= 12 * 8192)
    }
  }

  @Test("one byte that is changed in what was shared is found", .enabled("a mounted XFS is needed") { canMount })
  func changed() throws {
    try Self.onXFS { folder in
      let path = folder.appending(path: "source.safetensors").path
      try python(Self.source, [path])
      let output = folder.appending(path: "out.safetensors").path
      try Conversion(StateDict(path: path), to: .safetensors).write(to: output)
      let mine = try #require(try StateDict(path: path)["old.7"])
      func theirs() throws -> LazyTensor { try #require(try StateDict(path: output)["old.7"]) }
      #expect(try mine.firstDifference(from: theirs()) == nil)
      try python(
        """
        import sys
        with open(sys.argv[1], 'r+b') as file:
            file.seek(int(sys.argv[2]))
            byte = file.read(1)[0]
            file.seek(int(sys.argv[2]))
            file.write(bytes([byte ^ 4]))
        """, [output, String(try #require(theirs().fileOffset) + 2_345_678)])
      #expect(try mine.firstDifference(from: theirs()) == 2_345_678)
    }
  }
}
