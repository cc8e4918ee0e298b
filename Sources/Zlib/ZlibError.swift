/// What can be wrong with a deflate stream.
package struct ZlibError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, CaseIterable, Sendable {
    /// The stream ends properly, but gives fewer bytes than it should.
    case tooShort
    /// The stream gives more bytes than it should.
    case tooLong
    /// The input ends before the stream does.
    case truncatedInput
    /// Bytes follow the end of the stream.
    case leftoverInput
    /// The input is not a deflate stream, or its checksum is wrong, or it wants a dictionary.
    case damaged
  }

  package let code: Code
  /// The bytes that the stream gave before the problem.
  package let produced: Int
  /// The bytes that it had to give.
  package let expected: Int
  /// One sentence with the numbers.
  package let reason: String

  package var description: String { "zlib: \(reason)" }
}
