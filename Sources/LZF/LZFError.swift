/// What can be wrong with bytes that liblzf compressed.
package struct LZFError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, CaseIterable, Sendable {
    /// The input is used up before the output is full.
    case tooShort
    /// The input gives more bytes than it should.
    case tooLong
    /// The input ends inside of a run, or refers to bytes before the first one.
    case damaged
    /// Input or output have sizes that liblzf does not count: nothing, or 2^32 bytes and more.
    case unsupportedSize
  }

  package let code: Code
  /// One sentence with the numbers.
  package let reason: String

  package var description: String { "lzf: \(reason)" }
}
