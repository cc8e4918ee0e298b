import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Stores such as Hugging Face's cut files where their content says so, and store each chunk once.
@Suite struct ContentChunksTests {
  /// Cuts as Gear and FastCDC do: where the rolling hash of the last bytes ends in 16 zeros, after 8 KiB to 512 KiB.
  ///
  /// - Returns: the size of each chunk by its content's hash.
  private static func chunks(of url: URL) throws -> [UInt64: Int] {
    var generator = SplitMix(state: 1)
    let gear = (0..<256).map { _ in generator.next() }
    let mask: UInt64 = 0xFFFF << 48
    var result: [UInt64: Int] = [:]
    try Data(contentsOf: url).withUnsafeBytes { bytes in
      var start = 0
      var rolling: UInt64 = 0
      var content: UInt64 = 0xCBF2_9CE4_8422_2325
      for index in 0..<bytes.count {
        rolling = rolling << 1 &+ gear[Int(bytes[index])]
        content = (content ^ UInt64(bytes[index])) &* 0x100_0000_01B3
        let count = index + 1 - start
        guard (count >= 8 << 10 && rolling & mask == 0) || count == 512 << 10 || index + 1 == bytes.count else {
          continue
        }
        result[content] = count
        (start, rolling, content) = (index + 1, 0, 0xCBF2_9CE4_8422_2325)
      }
    }
    return result
  }

  /// Three large tensors of noise, in an order that is not that of their element sizes, among small ones.
  private static func state() throws -> StateDict {
    var generator = SplitMix(state: 7)
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
        let stored = try Self.chunks(of: first)
        for target in WritableFormat.all {
          let second = directory.appending(path: "second." + target.ending)
          try StateDict(contentsOf: first).write(to: second, format: target.format, replacing: true)
          let chunks = try Self.chunks(of: second)
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

/// A generator of numbers that is the same everywhere.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
