import Foundation
import TensorFerryTestSupport
import Testing

/// `make bench-memory` measures every ordered pair on 4 GiB; see `docs/explanation/memory.md`.
@Suite(.serialized) struct ConversionMemoryTests {
  @Test(
    "a conversion of one tensor of 400 MiB, to a format and back, grows by less than 64 MiB",
    arguments: ["h5", "safetensors", "pt", "npz", "gguf"])
  func oneTensor(ending: String) throws { try check([400 << 20], ending) }

  @Test("so does one of 100 tensors of 4 MiB, whatever the allocator keeps", arguments: ["h5", "npz"])
  func manyTensors(ending: String) throws { try check([Int](repeating: 4 << 20, count: 100), ending) }

  private func check(_ byteCounts: [Int], _ ending: String) throws {
    try withTemporaryDirectory { directory in
      let printed = try python(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from conversion_memory import peak, write_source
        tool, folder, ending = sys.argv[2:5]
        write_source(folder + "/s.safetensors", list(map(int, sys.argv[5:])))
        floor = peak([tool, "--version"])[0]
        for source, target in [("s.safetensors", "x." + ending), ("x." + ending, "y.safetensors")]:
            print(peak([tool, "convert", f"{folder}/{source}", f"{folder}/{target}"])[0] - floor)
        """,
        [Project.root.appending(path: "Benchmarks").path, Project.command.path, directory.path, ending]
          + byteCounts.map(String.init), isIsolated: true)
      let growth = printed.split(separator: "\n").compactMap { Double($0) }
      // A process that begins with the peak of its parent seems not to grow at all.
      #expect(growth.count == 2 && growth.allSatisfy { 0 < $0 && $0 < 64 }, "\(growth) MiB")
    }
  }
}
