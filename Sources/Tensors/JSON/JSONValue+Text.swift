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
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private struct Writer {
    let pretty: Bool
    let nonFinite: NonFiniteText
    private(set) var bytes: [UInt8] = []

    init(pretty: Bool, nonFinite: NonFiniteText) {
      self.pretty = pretty
      self.nonFinite = nonFinite
    }

    private mutating func add(_ text: some StringProtocol) { bytes.append(contentsOf: text.utf8) }

    /// Writes an integer without a text of its own.
    private mutating func add(_ value: some BinaryInteger) {
      var magnitude = UInt64(value.magnitude)
      if value < 0 { bytes.append(UInt8(ascii: "-")) }
      let start = bytes.count
      repeat {
        bytes.append(UInt8(ascii: "0") + UInt8(magnitude % 10))
        magnitude /= 10
      } while magnitude > 0
      bytes[start...].reverse()
    }

    mutating func write(_ value: JSONValue, depth: Int) {
      switch value {
      case .null: add("null")
      case .bool(let value): add(value ? "true" : "false")
      case .integer(let value): add(value)
      case .unsigned(let value): add(value)
      case .number(let value): write(value)
      case .string(let value): write(value)
      case .array(let values):
        let inline = !pretty || values.allSatisfy(\.isScalar)
        list(values, "[", "]", inline: inline, depth: depth) { $0.write($1, depth: depth + 1) }
      case .object(let members):
        list(members, "{", "}", inline: !pretty || members.isEmpty, depth: depth) {
          $0.write($1.key)
          $0.add($0.pretty ? ": " : ":")
          $0.write($1.value, depth: depth + 1)
        }
      }
    }

    private mutating func list<Item>(
      _ items: [Item], _ open: String, _ close: String, inline: Bool, depth: Int, _ each: (inout Writer, Item) -> Void
    ) {
      add(open)
      for (index, item) in items.enumerated() {
        if index > 0 { add(inline && pretty ? ", " : ",") }
        if !inline { newline(depth + 1) }
        each(&self, item)
      }
      if !inline { newline(depth) }
      add(close)
    }

    private mutating func newline(_ depth: Int) { add("\n" + String(repeating: "  ", count: depth)) }

    private mutating func write(_ value: Double) {
      if value.isFinite {
        add(value.description)
      } else if nonFinite == .strings {
        add(value.isNaN ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\"")
      } else {
        add(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
      }
    }

    private mutating func write(_ string: String) {
      bytes.append(UInt8(ascii: "\""))
      for byte in string.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
          bytes.append(UInt8(ascii: "\\"))
          bytes.append(byte)
        case UInt8(ascii: "\n"): add("\\n")
        case UInt8(ascii: "\r"): add("\\r")
        case UInt8(ascii: "\t"): add("\\t")
        case 0..<0x20, 0x7F: add("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
        default: bytes.append(byte)
        }
      }
      bytes.append(UInt8(ascii: "\""))
    }
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}
