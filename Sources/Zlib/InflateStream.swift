internal import CTensorFerryZlib

/// A deflate stream that is inflated piece by piece, from front to back.
///
/// Memory: zlib's state of about 40 KiB. Not to be used from two tasks at a time.
package final class InflateStream {
  // zlib keeps the address of its structure.
  private let stream: UnsafeMutablePointer<z_stream>
  /// True once the end of the stream was met.
  package private(set) var isAtEnd = false

  package init(container: DeflateContainer = .zlib) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(stream, container.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib cannot start: out of memory")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Inflates until `input` is used up, `output` is full, or the stream ends.
  ///
  /// - Returns: how many bytes of both were used.
  /// - Throws: ``ZlibError`` with code `.damaged`.
  package func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    throws(ZlibError) -> (consumed: Int, produced: Int)
  {
    // zlib counts with 32 bits.
    let source = input.prefix(1 << 30)
    let target = output.prefix(1 << 30)
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: UnsafeRawBufferPointer(rebasing: source).bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(source.count)
    stream.pointee.next_out = UnsafeMutableRawBufferPointer(rebasing: target).bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(target.count)
    let status = CTensorFerryZlib.inflate(stream, Z_NO_FLUSH)
    let consumed = source.count - Int(stream.pointee.avail_in)
    let produced = target.count - Int(stream.pointee.avail_out)
    switch status {
    case Z_STREAM_END: isAtEnd = true
    // "No progress" is the caller's to judge: it knows whether there is more input.
    case Z_OK, Z_BUF_ERROR: break
    default:
      throw ZlibError(
        code: .damaged, produced: produced, expected: output.count,
        reason: stream.pointee.msg.map { String(cString: $0) } ?? "the stream is damaged")
    }
    return (consumed, produced)
  }
}
