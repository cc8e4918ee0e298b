internal import TensorFerryTensors

extension JSONValue {
  /// The value in one line of YAML: JSON without the quotes that it does without.
  var yamlLine: String {
    switch self {
    case .string(let text): Self.isPlain(text) ? text : self.text()
    case .array(let values): "[" + values.map(\.yamlLine).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(JSONValue.string($0.key).yamlLine): \($0.value.yamlLine)" }.joined(separator: ", ") + "}"
    default: self.text()
    }
  }

  /// True for letters, digits, dots and underscores that no reader of YAML takes for anything but a text.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, !reserved.contains(text.lowercased()) else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
      (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    return (isLetter(first) || first == 0x24)
      && text.utf8.dropFirst().allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2E }
  }

  /// What YAML 1.1 takes for a truth value or for nothing.
  private static let reserved: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
}
