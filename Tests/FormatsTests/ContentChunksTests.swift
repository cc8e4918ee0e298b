import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Stores such as Hugging Face's cut files where their content says so, and store each chunk once.
@Suite struct ContentChunksTests {
  /// Three large tensors of noise, in an order that is not that of their element sizes, among small ones.
  private static func state() throws -> StateDict {
    var generator = SeededRandom(7)
    var state = StateDict()
    for (name, dtype, shape) in [
      ("embed", DType.f16, [2048, 4096]), ("norm", .f32, [1000]), ("up", .f32, [1024, 4096]), ("bias", .f32, [3]),
      ("down", .f16, [4096, 2048]),
    ] as [(String, DType, [Int])] {
      let words = try (0..<dtype.byteCount(of: Shape(shape).elementCount) / 4).map { _ in
        UInt32(truncatingIfNeeded: generator.next())
      }
      let bytes = words.withUnsafeBytes { [UInt8]($0) }
      try state.append(name, LazyTensor(Tensor(dtype: dtype, shape: Shape(shape), bytes: bytes)))
    }
    return state
  }

  @Test("of large tensors, 98 % of the bytes are in chunks that the source has, in every ordered pair")
  func pairs() throws {
    try withTemporaryDirectory { directory in
      let state = try Self.state()
      for source in WritableFormat.all {
        let first = directory.appending(path: "first." + source.ending)
        try state.write(to: first, format: source.format)
        let stored = try contentChunks(of: first)
        for target in WritableFormat.all {
          let second = directory.appending(path: "second." + target.ending)
          try StateDict(contentsOf: first).write(to: second, format: target.format, replacing: true)
          let chunks = try contentChunks(of: second)
          let total = chunks.values.reduce(0, +)
          let known = chunks.filter { stored[$0.key] != nil }.values.reduce(0, +)
          let share = Double(known) / Double(total)
          #expect(share >= 0.98, "\(source) to \(target): \(share)")
        }
      }
    }
  }

  @Test("the data lies in the order of the source, in safetensors larger elements first", arguments: WritableFormat.all)
  func order(target: WritableFormat) throws {
    try withTemporaryDirectory { directory in
      var state = StateDict()
      for (index, name) in ["z", "c", "a", "q", "b", "x"].enumerated() {
        try state.append(name, patterned([.f16, .f32, .i8][index % 3], [index + 3, 5], seed: index))
      }
      let url = directory.appending(path: "x." + target.ending)
      try state.write(to: url, format: target.format)
      let read = try StateDict(contentsOf: url)
      let placed = read.sorted { ($0.tensor.fileOffset ?? 0) < ($1.tensor.fileOffset ?? 0) }.map(\.name)
      #expect(placed == (target.description == "safetensors" ? ["c", "b", "z", "q", "a", "x"] : state.names))
    }
  }
}
