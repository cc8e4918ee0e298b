import Foundation
import TensorFerryFormats
import TensorFerryTestSupport
import Testing

/// Runs the command on every hostile file of the other tests, and measures what it took.
@Suite struct HostileMemoryTests {
  private static let kinds: [String: @Sendable () throws -> [(ending: String, bytes: Data)]] = [
    "safetensors": { SafetensorsAttackTests.refused.map { ("safetensors", Data($0.bytes())) } },
    "zip": { try ZipAttackTests.files.get().values.map { ("npz", $0) } },
    "numpy": {
      try NumPyAttackTests.files.get().values.map { ("npy", $0) }
        + NumPyAttackTests.deflatedFiles.get().values.map { ("npz", $0) }
    },
    "gguf": {
      (GGUFHostileTests.headers + GGUFHostileTests.metadata + GGUFHostileTests.descriptions + GGUFHostileTests.data)
        .map { ("gguf", Data($0.bytes)) }
    },
    "pickle": {
      let attacks = PickleAttackTests.opcodes + PickleAttackTests.bombs + PyTorchAttackTests.attacks
      return try PickleAttack.make(attacks.map(\.code)).map { ("pt", $0) }
    },
  ]

  @Test(
    "no hostile file makes the command crash, hang, or grow by more than 64 MiB above twice the file",
    arguments: ["safetensors", "zip", "numpy", "gguf", "pickle"])
  func bounded(kind: String) throws {
    try withTemporaryDirectory { directory in
      let files = try #require(try Self.kinds[kind]?())
      #expect(files.count > 20)
      for (index, file) in files.enumerated() {
        try file.bytes.write(to: directory.appending(path: "\(index).\(file.ending)"))
      }
      let printed = try python(
        """
        import os, sys
        sys.path.insert(0, sys.argv[1])
        from ended import execute
        tool, folder = sys.argv[2:4]
        floor = execute([tool, "--version"]).memory
        if floor > 100: print("a process that does nothing takes", floor, "MiB: its parent's, which hide its own")
        for name in sorted(os.listdir(folder)):
            path = folder + "/" + name
            ended = execute([tool, "inspect", "--hash", path])
            allowed = 64 + 2 * os.stat(path).st_size / (1 << 20)
            if ended.status not in (0, 2) or ended.memory - floor > allowed or ended.seconds > 10:
                print(name, ended.status, ended.memory - floor, ended.seconds)
        """, [Project.root.appending(path: "Tests/Hostile").path, Project.command.path, directory.path],
        isIsolated: true)
      #expect(printed.isEmpty, "\(printed)")
    }
  }
}
