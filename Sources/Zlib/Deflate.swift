internal import CTensorFerryZlib

/// Deflates `input`.
///
/// The same zlib gives the same bytes for the same input and level; another zlib may give others.
///
/// - Precondition: `level` is 0 (stored) to 9 (smallest).
package func deflate(_ input: [UInt8], level: Int = 6, container: DeflateContainer = .zlib) -> [UInt8] {
  precondition((0...9).contains(level), "deflate level \(level), allowed is 0 to 9")
  var stream = z_stream()
  // One pointer for all calls: zlib remembers the address of the stream and refuses another.
  return withUnsafeMutablePointer(to: &stream) { stream in
    let status = deflateInit2_(
      stream, Int32(level), Z_DEFLATED, container.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib cannot start: out of memory")
    defer { deflateEnd(stream) }
    return input.withUnsafeBytes { run(stream, $0) }
  }
}

private func run(_ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer) -> [UInt8] {
  var result: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  var consumed = 0
  var status = Z_OK
  while status != Z_STREAM_END {
    // zlib counts with 32 bits.
    let source = input[consumed...].prefix(Int(UInt32.max))
    let isLast = consumed + source.count == input.count
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: UnsafeRawBufferPointer(rebasing: source).bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(source.count)
    let written = piece.withUnsafeMutableBufferPointer { output in
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      status = CTensorFerryZlib.deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
      return output.count - Int(stream.pointee.avail_out)
    }
    consumed += source.count - Int(stream.pointee.avail_in)
    result += piece[..<written]
  }
  return result
}
