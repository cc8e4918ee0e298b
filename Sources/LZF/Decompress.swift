internal import CTensorFerryLZF

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Decompresses `input`, one block as `lzf_compress` makes it, into a new array of exactly `count` bytes.
///
/// A block has neither header nor checksum: it ends where `input` ends, and only its size can tell that it is whole.
/// liblzf checks every run against both ends, so a bomb costs no more than `count` bytes.
///
/// - Throws: ``LZFError`` if the input is damaged or gives fewer or more bytes. The caller limits `count` before.
package func decompressLZF(_ input: [UInt8], toCount count: Int) throws(LZFError) -> [UInt8] {
  // liblzf reads the first byte without looking, and counts with 32 bits.
  guard let inputCount = UInt32(exactly: input.count), inputCount > 0, let outputCount = UInt32(exactly: count),
    outputCount > 0
  else {
    throw LZFError(
      code: .unsupportedSize, reason: "\(input.count) bytes cannot be a block of \(count), both must be 1 to 2^32 - 1")
  }
  var output = [UInt8](repeating: 0, count: count)
  let (produced, failure) = output.withUnsafeMutableBytes { output in
    input.withUnsafeBytes { input in
      (lzf_decompress(input.baseAddress, inputCount, output.baseAddress, outputCount), errno)
    }
  }
  guard produced > 0 else {
    guard failure == E2BIG else {
      throw LZFError(code: .damaged, reason: "the block of \(input.count) bytes is damaged; it should give \(count)")
    }
    throw LZFError(code: .tooLong, reason: "the block gives more than the \(count) bytes it should")
  }
  guard produced == outputCount else {
    throw LZFError(code: .tooShort, reason: "the block gives \(produced) bytes, it should give \(count)")
  }
  return output
}
