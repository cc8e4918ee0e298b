import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct WriteProgressTests {
  private struct Stop: Error {}

  /// What was told, from whatever thread.
  private final class Log: @unchecked Sendable {
    // Safe because the writer calls from one thread, and the test reads when it has ended.
    var steps: [WriteProgress] = []
  }

  /// 9 MiB, a tie, an empty tensor.
  private func state(_ target: WritableFormat) throws -> StateDict {
    var state = StateDict()
    try state.append(
      "large",
      LazyTensor(dtype: .f32, shape: [768, 3072], content: .memory(.init(repeating: 7, count: 768 * 3072 * 4))))
    let tied = try patterned(.f32, [5, 3])
    try state.append("a", tied)
    try state.append("b", tied, aliasOf: "a")
    return state
  }

  @Test("progress rises to all bytes, once for writing and once for verifying", arguments: WritableFormat.all)
  func rises(target: WritableFormat) throws {
    try withTemporaryDirectory { directory in
      let log = Log()
      let state = try state(target)
      try state.write(to: directory.appending(path: "x." + target.ending), format: target.format) {
        log.steps.append($0)
      }
      #expect(log.steps.drop { $0.phase == .write }.allSatisfy { $0.phase == .verify } && log.steps[0].phase == .write)
      let bytes = 768 * 3072 * 4 + (type(of: target.format).keepsTies ? 60 : 120)
      for phase in WriteProgress.Phase.allCases {
        let steps = log.steps.filter { $0.phase == phase }
        let total = bytes
        #expect(steps.first?.done == 0 && steps.last?.done == total && steps.allSatisfy { $0.total == total })
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.done <= $1.done } && steps.count >= 4)
      }
    }
  }

  @Test("what the handler throws ends the work, and nothing is left behind", arguments: WritableFormat.all, [1, 3, -1])
  func stops(target: WritableFormat, at step: Int) throws {
    try withTemporaryDirectory { directory in
      let log = Log()
      let state = try state(target)
      let url = directory.appending(path: "x." + target.ending)
      #expect(throws: Stop.self) {
        try state.write(to: url, format: target.format) { progress in
          log.steps.append(progress)
          // The last call is after the flush, before the file gets its name.
          let isLast = progress.phase == .verify && log.steps.filter { $0 == progress }.count == 2
          if step < 0 ? isLast : log.steps.count == step { throw Stop() }
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
  }

  @Test("a set of shards tells its progress as one, and can be stopped")
  func shards() throws {
    try withTemporaryDirectory { directory in
      let log = Log()
      let state = try state(WritableFormat.all[1])
      let format = SafetensorsFormat(shardSize: 1000)
      let path = directory.appending(path: "x.safetensors").path
      #expect(throws: Stop.self) {
        try state.write(path: path, format: format) { progress in
          if progress.phase == .verify { throw Stop() }
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
      try state.write(path: path, format: format) { log.steps.append($0) }
      #expect(log.steps.last?.done == 768 * 3072 * 4 + 60)
    }
  }
}
