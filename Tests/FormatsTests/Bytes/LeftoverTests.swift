import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a run that was killed left beside its output.
@Suite struct LeftoverTests {
  /// The number of a process that has ended.
  private func endedProcess() throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exit 0"]
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }

  @Test("only files with our names are leftovers, and only of processes that have ended")
  func found() throws {
    try withTemporaryDirectory { directory in
      let ended = try endedProcess()
      let ours = [".a.h5.tensorferry-\(ended)-1x", ".b.tensorferry-1-2.pt.tensorferry-\(ended)-zz"]
      let others = [
        ".a.h5.tensorferry-\(getpid())-1x", ".a.h5.tensorferry-\(ended)-", ".a.h5.tensorferry-x-1x", ".a.h5.part",
        "a.h5.tensorferry-\(ended)-1x", ".a.h5.tensorferry-\(ended)-1x-2", ".a.h5.tensorferry-\(ended)-A!",
      ]
      for name in ours + others { try Data(count: 5).write(to: directory.appending(path: name)) }
      try FileManager.default.createDirectory(
        at: directory.appending(path: ".c.tensorferry-\(ended)-1"), withIntermediateDirectories: false)
      for path in [directory.appending(path: "a.h5").path, directory.path] {
        let found = Leftover.find(beside: path)
        #expect(found.map { URL(filePath: $0.path).lastPathComponent } == ours)
        #expect(found.allSatisfy { $0.byteCount == 5 })
      }
      #expect(Leftover.find(beside: directory.appending(path: "missing/a.h5").path).isEmpty)
    }
  }

  @Test("a leftover is never read, however complete it is; under another name it is")
  func refused() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("w", patterned(.f32, [3, 5]))
      let url = directory.appending(path: "a.npz")
      try state.write(to: url, format: .npz)
      let leftover = directory.appending(path: ".a.npz.tensorferry-\(try endedProcess())-1x")
      try FileManager.default.moveItem(at: url, to: leftover)
      let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: leftover) }
      #expect(error?.code == .refused && error?.reason.contains("never finished") == true)
      try FileManager.default.moveItem(at: leftover, to: url)
      #expect(try StateDict(contentsOf: url).count == 1)
    }
  }

  @Test(
    "a file system with too little space is told with both numbers before the first byte",
    .enabled(if: geteuid() == 0 && ProcessInfo.isLinux, "mounting a small file system takes root on Linux"))
  func space() throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      try state.append("w", patterned(.f32, [300, 500]))
      let disk = directory.appending(path: "disk")
      try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: false)
      let mount = try run(
        URL(filePath: "/usr/bin/env"), ["mount", "-t", "tmpfs", "-o", "size=40960", "tmpfs", disk.path])
      try #require(mount.status == 0, "\(mount.errors)")
      defer { _ = try? run(URL(filePath: "/usr/bin/env"), ["umount", disk.path]) }
      for format in WritableFormat.all {
        let error = #expect(throws: WeightFileError.self) {
          try state.write(to: disk.appending(path: "x." + format.ending), format: format.format)
        }
        #expect(error?.code == .unwritable)
        #expect(
          error?.reason == "600000 bytes are to be written, the file system has 40960 free", "\(error?.reason ?? "")")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
    }
  }
}

extension ProcessInfo {
  fileprivate static var isLinux: Bool {
    #if os(Linux)
      true
    #else
      false
    #endif
  }
}
