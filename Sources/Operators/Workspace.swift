/// Scratch memory of one call: it grows to the largest request and is used again by the next operator.
public struct Workspace: ~Copyable {
  private var memory = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)

  public init() {}

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
}
