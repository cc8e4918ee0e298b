internal import TensorFerryThreads

/// Bytes that were read before they were asked for.
///
/// Where a range is gathered from all over a file, many small ranges cost as many passes over it. A reader that sees
/// consecutive ranges reads one long range instead and serves the next ones from it. Memory: 24 MiB while a tensor is
/// being read in order, nothing before and after.
final class ReadAhead: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    /// The index of the first byte in the tensor.
    var start = 0
    /// Where the last range that was asked for ended.
    var next = -1
  }

  private static let byteCount = 24 << 20
  private let state = Locked(State())

  /// Fills `buffer` with `range` of a tensor of `byteCount` bytes, which `read` can read.
  func read(
    _ range: Range<Int>, of byteCount: Int, into buffer: UnsafeMutableRawBufferPointer,
    _ read: (Range<Int>, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    try state.withLock { state in
      let isConsecutive = range.lowerBound == state.next
      state.next = range.upperBound
      guard isConsecutive, range.count < Self.byteCount else {
        state.bytes = []
        return try read(range, buffer)
      }
      var position = range.lowerBound
      while position < range.upperBound {
        if !(state.start..<state.start + state.bytes.count).contains(position) {
          let end = min(position + Self.byteCount, byteCount)
          // The old bytes go first, so that both are never held at once.
          state.bytes = []
          state.bytes = try [UInt8](unsafeUninitializedCapacity: end - position) { buffer, initialized in
            try read(
              position..<end,
              UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(end - position)]))
            initialized = end - position
          }
          state.start = position
        }
        let end = min(range.upperBound, state.start + state.bytes.count)
        let target = UnsafeMutableRawBufferPointer(
          rebasing: buffer[(position - range.lowerBound)..<(end - range.lowerBound)])
        state.bytes.withUnsafeBytes {
          target.copyMemory(from: .init(rebasing: $0[(position - state.start)..<(end - state.start)]))
        }
        position = end
      }
      if position == byteCount { state = State() }
    }
  }
}
