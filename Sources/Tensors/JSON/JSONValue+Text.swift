extension JSONValue {
  /// The JSON text of the value.
  ///
  /// Deterministic: members keep their order, doubles have their shortest text that reads back to the same bits, and
  /// non-finite doubles, which JSON lacks, are the strings `"nan"`, `"inf"`, `"-inf"`.
  ///
  /// - Parameter pretty: true for two-space indentation and a line per member; arrays of scalars stay on one line.
  public func text(pretty: Bool = false) -> String {
    text(pretty: pretty, nonFinite: .strings)
  }

  /// How doubles are written that JSON lacks.
  package enum NonFiniteText {
    /// As the strings `"nan"`, `"inf"` and `"-inf"`: any reader takes the text.
    case strings
    /// As `NaN`, `Infinity` and `-Infinity`, which Python's json module writes and reads: the value comes back.
    case literals
  }

  package func text(pretty: Bool = false, nonFinite: NonFiniteText) -> String {
    var writer = Writer(pretty: pretty, nonFinite: nonFinite)
    writer.write(self, depth: 0)
    return writer.text
  }

  private struct Writer {
    let pretty: Bool
    let nonFinite: NonFiniteText
    var text = ""

    mutating func write(_ value: JSONValue, depth: Int) {
      switch value {
      case .null: text += "null"
      case .bool(let value): text += value ? "true" : "false"
      case .integer(let value): text += String(value)
      case .unsigned(let value): text += String(value)
      case .number(let value): write(value)
      case .string(let value): write(value)
      case .array(let values):
        let inline = !pretty || values.allSatisfy(\.isScalar)
        list(values, "[", "]", inline: inline, depth: depth) { $0.write($1, depth: depth + 1) }
      case .object(let members):
        list(members, "{", "}", inline: !pretty || members.isEmpty, depth: depth) {
          $0.write($1.key)
          $0.text += $0.pretty ? ": " : ":"
          $0.write($1.value, depth: depth + 1)
        }
      }
    }

    private mutating func list<Item>(
      _ items: [Item], _ open: String, _ close: String, inline: Bool, depth: Int, _ each: (inout Writer, Item) -> Void
    ) {
      text += open
      for (index, item) in items.enumerated() {
        if index > 0 { text += inline && pretty ? ", " : "," }
        if !inline { newline(depth + 1) }
        each(&self, item)
      }
      if !inline { newline(depth) }
      text += close
    }

    private mutating func newline(_ depth: Int) { text += "\n" + String(repeating: "  ", count: depth) }

    private mutating func write(_ value: Double) {
      if value.isFinite {
        text += value.description
      } else if nonFinite == .strings {
        text += value.isNaN ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\""
      } else {
        text += value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
      }
    }

    private mutating func write(_ string: String) {
      text += "\""
      for scalar in string.unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: text.unicodeScalars.append(scalar)
        }
      }
      text += "\""
    }
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}
