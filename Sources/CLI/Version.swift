enum Version {
  /// The version of this package, as `--version` prints it and as files that it writes name their producer.
  static let text = "0.1.0"
  static let producer = "tensorferry \(text)"
}
