#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Calls `body` with memory for one piece of a tensor, which the system has back when it returns.
///
/// An allocator keeps what is freed, in parts that the next piece does not fit into: a conversion through buffers of
/// 4 MiB grew by 100 MiB.
///
/// - Precondition: `byteCount` is not negative.
package func withPieceBuffer<Result>(
  byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
) rethrows -> Result {
  let isSmall = byteCount < 1 << 17
  guard !isSmall, let pages = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    pages != MAP_FAILED
  else {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 64)
    defer { buffer.deallocate() }
    return try body(UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount]))
  }
  defer { munmap(pages, byteCount) }
  return try body(UnsafeMutableRawBufferPointer(start: pages, count: byteCount))
}
