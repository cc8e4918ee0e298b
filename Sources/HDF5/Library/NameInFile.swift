/// A name as the file has it, which need not be UTF-8.
struct NameInFile {
  /// The name, or nil if it is not UTF-8: then no function of this library can ask for it.
  let text: String?
  /// The name with replacement characters where it is not UTF-8.
  let display: String

  /// Copies a null-terminated name.
  @unsafe init(copying name: UnsafePointer<CChar>) {
    // Safe because the library ends every name with a null.
    text = unsafe String(validatingCString: name)
    display = unsafe text ?? String(cString: name)
  }
}
