internal import Dispatch

/// What a call has beside its operands: scratch memory, which grows to the largest request and is used again by the next
/// operator, and threads.
public struct Workspace: ~Copyable {
  private var memory = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  /// How many threads an operator may use.
  public let threads: Int

  public init(threads: Int = 1) { self.threads = max(1, threads) }

  deinit { memory.deallocate() }

  /// `count` elements of unspecified content, valid until the next request.
  package mutating func scratch(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    if memory.count < count {
      memory.deallocate()
      memory = .allocate(capacity: count)
      memory.initialize(repeating: 0)
    }
    return UnsafeMutableBufferPointer(rebasing: memory[..<count])
  }

  /// Calls `body` with parts of `0 ..< count` that together are all of it, at the same time if that pays.
  ///
  /// - Parameter work: how many numbers are read in all; a thread gets no fewer than fill a first-level cache.
  package func split(_ count: Int, work: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let parts = min(threads, count, work >> 14)
    guard parts > 1 else { return body(0..<count) }
    DispatchQueue.concurrentPerform(iterations: parts) { part in
      body(count * part / parts..<count * (part + 1) / parts)
    }
  }
}
