import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct SourceFileTests {
  private func code(_ body: () throws -> Void) -> TensorError.Code? {
    do { try body() } catch { return (error as? TensorError)?.code }
    return nil
  }

  @Test("a missing path and a directory are refused by name")
  func unreadable() throws {
    try withTemporaryDirectory { directory in
      #expect(code { _ = try SourceFile(path: directory.path) } == .unreadableFile)
      #expect(code { _ = try SourceFile(path: directory.appending(path: "nothing").path) } == .unreadableFile)
    }
  }

  @Test("a range behind the end is refused before memory is taken")
  func truncated() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "data")
      try Data([1, 2, 3]).write(to: url)
      let file = try SourceFile(path: url.path)
      #expect(try file.read(at: 1, count: 2) == [2, 3])
      #expect(code { _ = try file.read(at: 1, count: 1 << 60) } == .truncatedFile)
      #expect(code { _ = try file.read(at: .max, count: 1) } == .truncatedFile)
      #expect(code { _ = try LazyTensor(dtype: .f32, shape: [1], content: .file(file, offset: 0)) } == .truncatedFile)
    }
  }

  @Test("a file that shrinks while it is read is an error, not a signal; one that changes is noticed")
  func changes() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "data")
      try Data(count: 100).write(to: url)
      let file = try SourceFile(path: url.path)
      try file.checkUnchanged()
      let handle = try FileHandle(forWritingTo: url)
      try handle.truncate(atOffset: 10)
      #expect(code { _ = try file.read(at: 50, count: 10) } == .truncatedFile)
      #expect(code { try file.checkUnchanged() } == .changedFile)
    }
  }

  @Test("a mapped file shows the same bytes, an empty one none")
  func maps() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "data")
      try Data([1, 2, 3]).write(to: url)
      let mapped = try MappedFile(SourceFile(path: url.path))
      #expect(Array(try mapped.bytes(at: 1, count: 2)) == [2, 3])
      #expect(code { _ = try mapped.bytes(at: 2, count: 2) } == .truncatedFile)
      let empty = directory.appending(path: "empty")
      try Data().write(to: empty)
      #expect(try MappedFile(SourceFile(path: empty.path)).bytes(at: 0, count: 0).isEmpty)
    }
  }
}
