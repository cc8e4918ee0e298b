internal import CTensorFerryZlib

/// How deflated bytes are wrapped.
package enum DeflateContainer: Sendable {
  /// RFC 1950: a header of two bytes and an Adler-32 checksum.
  case zlib
  /// RFC 1951: nothing around it, as in zip archives.
  case raw

  var windowBits: Int32 { self == .zlib ? 15 : -15 }
}

/// Inflates `input` into `output`, which it must fill exactly.
///
/// Memory: zlib's window only. The stream is stopped at the first byte too many, so a bomb costs no more than `output`.
///
/// - Throws: ``ZlibError`` if the stream is damaged, gives fewer or more bytes than `output` has, or does not end
///   exactly where `input` ends. What `output` then holds is undefined.
package func inflate(
  _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, container: DeflateContainer = .zlib
) throws(ZlibError) {
  var stream = z_stream()
  // One pointer for all calls: zlib remembers the address of the stream and refuses another.
  try withUnsafeMutablePointer(to: &stream) { stream throws(ZlibError) in
    let status = inflateInit2_(stream, container.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib cannot start: out of memory")
    defer { inflateEnd(stream) }
    try run(stream, input, output)
  }
}

private func run(
  _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
) throws(ZlibError) {
  // The place for one byte too many tells a stream that is too long from one that fits.
  var surplus: UInt8 = 0
  var consumed = 0
  var produced = 0
  var status = Z_OK
  withUnsafeMutableBytes(of: &surplus) { surplus in
    while status == Z_OK && produced <= output.count {
      // zlib counts with 32 bits.
      let source = input[consumed...].prefix(Int(UInt32.max))
      let room = output[produced...].prefix(Int(UInt32.max))
      let target = room.isEmpty ? surplus : UnsafeMutableRawBufferPointer(rebasing: room)
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: UnsafeRawBufferPointer(rebasing: source).bindMemory(to: UInt8.self).baseAddress)
      stream.pointee.avail_in = UInt32(source.count)
      stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(target.count)
      status = CTensorFerryZlib.inflate(stream, Z_NO_FLUSH)
      consumed += source.count - Int(stream.pointee.avail_in)
      produced += target.count - Int(stream.pointee.avail_out)
    }
  }
  try check(
    status, message: stream.pointee.msg.map { String(cString: $0) }, produced: produced, expected: output.count,
    leftover: input.count - consumed)
}

/// Inflates `input` into a new array of exactly `count` bytes.
///
/// - Throws: as ``inflate(_:into:container:)``. The caller limits `count` before.
package func inflate(_ input: [UInt8], toCount count: Int, container: DeflateContainer = .zlib) throws -> [UInt8] {
  try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    let output = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
    try input.withUnsafeBytes { try inflate($0, into: output, container: container) }
    initialized = count
  }
}

private func check(_ status: Int32, message: String?, produced: Int, expected: Int, leftover: Int) throws(ZlibError) {
  func failure(_ code: ZlibError.Code, _ reason: String) -> ZlibError {
    ZlibError(code: code, produced: produced, expected: expected, reason: reason)
  }
  guard produced <= expected else {
    throw failure(.tooLong, "the stream gives more than the \(expected) bytes it should")
  }
  switch status {
  case Z_STREAM_END:
    guard produced == expected else {
      throw failure(.tooShort, "the stream gives \(produced) bytes, it should give \(expected)")
    }
    guard leftover == 0 else {
      throw failure(.leftoverInput, "\(leftover) bytes follow the end of a stream of \(produced) bytes")
    }
  case Z_BUF_ERROR:
    throw failure(
      .truncatedInput, "the input ends inside the stream, after \(produced) of the \(expected) bytes it should give")
  default:
    throw failure(
      .damaged, "\(message ?? "the stream is damaged") after \(produced) of the \(expected) bytes it should give")
  }
}
