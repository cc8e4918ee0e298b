/// A text that equals another only byte for byte: Swift's own `==` calls two Unicode normalisations of one text equal,
/// which files and Python do not.
package struct ExactText: Hashable, Sendable {
  package let text: String
  /// Of the bytes, with the seed of this process: comparing mostly ends here, and a table hashes eight bytes.
  private let digest: Int

  package init(_ text: String) {
    self.text = text
    var hasher = Hasher()
    if text.utf8.withContiguousStorageIfAvailable({ hasher.combine(bytes: UnsafeRawBufferPointer($0)) }) == nil {
      Array(text.utf8).withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    digest = hasher.finalize()
  }

  package static func == (a: ExactText, b: ExactText) -> Bool {
    a.digest == b.digest && a.text.utf8.elementsEqual(b.text.utf8)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
