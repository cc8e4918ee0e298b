import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct JSONValueTests {
  @Test("what Python's json module writes is read and written back byte for byte")
  func roundTrip() throws {
    let text = try python(
      #"""
      import json
      print(json.dumps({"z": 1, "a": [True, None, -0.5, 1e300, 18446744073709551615, -9223372036854775808],
        "text": "tab\t quote\" back\\ ü 𝄞 \u2028", "": {}, "empty": []}, ensure_ascii=False, separators=(",", ":")), end="")
      """#)
    let value = try JSONValue(parsing: text)
    #expect(value.text() == text)
    #expect(value["z"]?.int == 1)
    #expect(value.members?.map(\.key) == ["z", "a", "text", "", "empty"])
  }

  @Test("escapes are decoded as Python does")
  func escapes() throws {
    #expect(try JSONValue(parsing: #""\ud834\udd1e\/\u00e9\n""#).string == "𝄞/é\n")
  }

  @Test(
    "everything that RFC 8259 does not allow is refused",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1 2", "nul", "+1", ".5", "1.", "1e", "\"a", "\"\\x\"", "\"\\ud834\"",
      "\"\u{1}\"", "\u{FEFF}1", "{\"a\" 1}", "{1:2}", "[1 2]", "1e999", "NaN", "'a'", "\"\\u12g4\"",
    ])
  func refuses(text: String) {
    #expect { try JSONValue(parsing: text) } throws: { ($0 as? TensorError)?.code == .invalidJSON }
  }

  @Test("invalid UTF-8 is refused")
  func invalidUTF8() {
    #expect { try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22]) } throws: { ($0 as? TensorError)?.code == .invalidJSON }
  }

  @Test("nesting is limited, so that a deep file cannot exhaust the stack")
  func depth() throws {
    _ = try JSONValue(parsing: String(repeating: "[", count: 64) + String(repeating: "]", count: 64))
    #expect { try JSONValue(parsing: String(repeating: "[", count: 100_000)) } throws: {
      ($0 as? TensorError)?.code == .invalidJSON
    }
  }

  @Test("non-finite numbers are written as strings")
  func nonFinite() {
    let value = JSONValue.array([.number(.nan), .number(.infinity), .number(-.infinity)])
    #expect(value.text() == #"["nan","inf","-inf"]"#)
  }

  @Test(
    "doubles read back to the same bits",
    arguments: [0.1, 0x1p-1074, 1.7976931348623157e308, -0.0, 1.0 / 3] as [Double])
  func doubles(value: Double) throws {
    #expect(try JSONValue(parsing: JSONValue.number(value).text()).double?.bitPattern == value.bitPattern)
  }
}

@Suite struct LocatedErrorTests {
  @Test("an error prints file, format, reason and place, and escapes what could move the cursor")
  func description() {
    let error = TensorError(
      .truncatedFile, "8 bytes are needed, 3 are there", file: "a\u{1B}[2Jb.h5", format: "hdf5", tensor: "x\u{202E}y",
      place: .byte(4096))
    #expect(
      error.description
        == #"a\u{1b}[2Jb.h5: hdf5: 8 bytes are needed, 3 are there (tensor 'x\u{202e}y', byte 4096)"#)
  }
}
