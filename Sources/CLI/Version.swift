internal import TensorFerry

enum Version {
  /// The version of this package, as `--version` prints it and as files that it writes name their producer.
  static let text = "0.1.0"
  static let producer = "tensorferry \(text)"

  /// What `--version --verbose` prints: this package, and the C libraries that see bytes of files, with their tasks.
  static var details: String {
    ([producer] + CLibraries.uses.map { "\($0.library): \($0.use)" }).joined(separator: "\n")
  }
}
