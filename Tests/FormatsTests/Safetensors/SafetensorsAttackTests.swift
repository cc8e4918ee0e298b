import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A file that must be refused, and what the refusal must say.
struct SafetensorsAttack: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: @Sendable () -> [UInt8]
  let code: WeightFileError.Code
  let reason: String

  init(
    _ description: String, _ reason: String, code: WeightFileError.Code = .malformed,
    _ bytes: @autoclosure @escaping @Sendable () -> [UInt8]
  ) {
    testDescription = description
    self.bytes = bytes
    self.code = code
    self.reason = reason
  }
}

/// A valid file of one tensor, with parts to replace.
private func one(
  name: String = #""a""#, dtype: String = "F32", shape: String = "[1]", offsets: String = "[0,4]", extra: String = "",
  before: String = "", behind: String = "", data: Int = 4
) -> [UInt8] {
  safetensorsFile(
    before + #"{\#(name):{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)\#(extra)}}"# + behind,
    data: data)
}

private func two(_ first: String, _ second: String, data: Int) -> [UInt8] {
  safetensorsFile(
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":\#(first)},"b":{"dtype":"U8","shape":[4],"data_offsets":\#(second)}}"#,
    data: data)
}

@Suite struct SafetensorsAttackTests {
  static let refused: [SafetensorsAttack] = [
    .init("ST01 an empty file", "0 bytes", []),
    .init("ST02 seven bytes", "7 bytes, the size of its header alone takes 8", [2, 0, 0, 0, 0, 0, 0]),
    .init("ST03 a header of 0 bytes", "0 bytes, 2 to 100000000", safetensorsFile("", length: 0)),
    .init("ST04 a header longer than the file", "3 bytes, the file has 2", safetensorsFile("{}", length: 3)),
    .init("ST05 a header of 2^63 bytes", "9223372036854775808 bytes", safetensorsFile("{}", length: 1 << 63)),
    .init("ST06 a header of 2^64 - 1 bytes", "18446744073709551615 bytes", safetensorsFile("{}", length: .max)),
    .init("ST07 a header of one byte too many", "100000001 bytes, 2 to", safetensorsFile("{}", length: 100_000_001)),
    .init("ST09 a name that is not UTF-8", "not UTF-8", safetensorsFile([0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x7D])),
    .init("ST10 an overlong encoding", "not UTF-8", safetensorsFile([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x3A, 0x7D])),
    .init("ST10 an unpaired surrogate", "surrogate", one(name: #""\ud800""#)),
    .init("ST11 a byte order mark", "does not begin with '{'", one(before: "\u{FEFF}")),
    .init("ST12 a leading vertical tab, which is no space of JSON", "does not begin with '{'", one(before: "\u{0B}")),
    .init("ST13 trailing zero bytes", "text behind", one(behind: "\0\0")),
    .init("ST14 an array", "does not begin with '{'", safetensorsFile("[1]")),
    .init("ST14 a text", "does not begin with '{'", safetensorsFile(#""{}""#)),
    .init(
      "ST15 a repeated name", "appears twice",
      safetensorsFile(
        #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        data: 4)),
    .init(
      "ST16 a name repeated through an escape", "appears twice",
      safetensorsFile(
        #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0078":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}"#,
        data: 4)),
    .init("ST17 dtype twice", "'dtype' appears twice", one(extra: #","dtype":"F32""#)),
    .init("ST17 shape twice", "'shape' appears twice", one(extra: #","shape":[1]"#)),
    .init(
      "ST18 __metadata__ twice", "'__metadata__' appears twice",
      safetensorsFile(#"{"__metadata__":{"a":"1"},"__metadata__":{"a":"2"}}"#)),
    .init(
      "ST18 a key of the metadata twice", "'a' appears twice", safetensorsFile(#"{"__metadata__":{"a":"1","a":"2"}}"#)),
    .init("ST19 a number in the metadata", "a text in quotes", safetensorsFile(#"{"__metadata__":{"a":1}}"#)),
    .init("ST19 metadata that is a list", "'{' is expected", safetensorsFile(#"{"__metadata__":["a"]}"#)),
    .init("ST20 a field is missing", "one is missing", safetensorsFile(#"{"a":{"dtype":"F32","shape":[1]}}"#)),
    .init(
      "ST21 100,000 open arrays", "nests deeper than 64",
      safetensorsFile(#"{"a":{"x":"# + String(repeating: "[", count: 100_000))),
    .init("ST22 an offset with an exponent", "an integer from 0", one(offsets: "[0,1e3]")),
    .init("ST22 an offset with a fraction", "an integer from 0", one(offsets: "[0,4.0]")),
    .init("ST22 a negative offset", "without a sign", one(offsets: "[-1,4]")),
    .init("ST22 an offset of minus zero", "without a sign", one(offsets: "[-0,4]")),
    .init("ST22 an offset of 2^64", "an integer from 0", one(offsets: "[0,18446744073709551616]")),
    .init("ST22 an offset of 10^400", "out of range", one(offsets: "[0,1\(String(repeating: "0", count: 400))]")),
    .init("ST22 an offset with a leading zero", "begins with 0", one(offsets: "[00,4]")),
    .init("ST22 an offset of 2^64 - 1", "give 18446744073709551615", one(offsets: "[0,18446744073709551615]")),
    .init("ST23 a shape whose product is 2^64", "exceeds 2^63 - 1", one(shape: "[2,9223372036854775808]")),
    .init(
      "ST23 a shape of five dimensions whose product overflows", "exceeds 2^63 - 1",
      one(shape: "[65536,65536,65536,65536,3]")),
    .init("ST24 a product that fits, but not in bits", "more than 2^63 bits", one(shape: "[4611686018427387904]")),
    .init("ST25 0 times 2^63", "exceeds 2^63 - 1", one(shape: "[0,9223372036854775808]", offsets: "[0,0]", data: 0)),
    .init(
      "ST25 2^40 times 0 times 2^40", "exceeds 2^63 - 1",
      one(shape: "[1099511627776,0,1099511627776]", offsets: "[0,0]", data: 0)),
    .init("ST26 an overlap", "begins at byte 2 of the data section and overlaps", two("[0,4]", "[2,6]", data: 6)),
    .init("ST26 one range twice", "overlaps", two("[0,4]", "[0,4]", data: 4)),
    .init(
      "ST26 an empty tensor inside another", "overlaps",
      safetensorsFile(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"z":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}"#,
        data: 4)),
    .init("ST27 a hole", "leaves a hole behind the one before, which ends at 4", two("[0,4]", "[5,9]", data: 9)),
    .init("ST27 a hole before the first", "leaves a hole", two("[1,5]", "[5,9]", data: 9)),
    .init("ST28 a byte behind the data", "has 5 bytes, the tensors take 4: there are bytes behind", one(data: 5)),
    .init("ST28 a byte too few", "has 3 bytes, the tensors take 4: the file is cut short", one(data: 3)),
    .init("ST29 an end before its beginning", "[4, 0]", one(offsets: "[4,0]")),
    .init("ST29 three offsets", "more than 2 numbers", one(offsets: "[0,4,4]")),
    .init("ST29 one offset", "a beginning and an end", one(offsets: "[4]")),
    .init("ST31 three elements of 4 bits", "12 bits", one(dtype: "F4", shape: "[3]", offsets: "[0,2]", data: 2)),
    .init("ST32 an unknown type", "'F128'", code: .unsupported, one(dtype: "F128")),
    .init("ST32 a type in lower case", "'f32'", code: .unsupported, one(dtype: "f32")),
    .init(
      "ST32 a type that safetensors lacks", "'C128'", code: .unsupported,
      one(dtype: "C128", offsets: "[0,16]", data: 16)),
    .init(
      "ST33 a size that contradicts type and shape", "takes 8 bytes, data_offsets [0, 4] give 4", one(shape: "[2]")),
    .init(
      "ST34 a name of 64 KiB and one byte", "65537 bytes, the limit is 65536",
      one(name: "\"" + String(repeating: "n", count: 65_537) + "\"")),
    .init("ST35 65 dimensions", "more than 64", one(shape: "[" + String(repeating: "1,", count: 64) + "1]")),
    .init("ST36 an entry that is null", "'{' is expected", safetensorsFile(#"{"a":null}"#)),
  ]

  @Test("an attack ends in an error that says what was found, and names file and format", arguments: refused)
  func refuses(attack: SafetensorsAttack) {
    #expect {
      try readSafetensors(attack.bytes())
    } throws: { error in
      let error = error as? WeightFileError
      return error?.code == attack.code && error?.reason.contains(attack.reason) == true
        && error?.file?.hasSuffix("/file.safetensors") == true && error?.format == "safetensors"
        && error?.place != nil
    }
  }

  @Test("ST08 100 MB of spaces are refused")
  func spaces() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "spaces.safetensors").path
      try python(
        "import sys; open(sys.argv[1], 'wb').write((100_000_000).to_bytes(8, 'little') + b' ' * 100_000_000)", [path])
      #expect { try StateDict(path: path, format: .safetensors) } throws: {
        ($0 as? WeightFileError)?.reason.contains("does not begin with '{'") == true
      }
    }
  }

  @Test(
    "what the library accepts at the edges is read",
    arguments: [
      ("ST12 leading spaces", one(before: "  \n\t")), ("ST13 trailing spaces", one(behind: " \n\r\t ")),
      ("ST20 an unknown field", one(extra: #","x":{"y":[1,{"y":[]}]}"#)),
      ("ST20 unknown fields of one name, of which nothing is read", one(extra: #","x":1,"x":2"#)),
      ("ST10 a surrogate pair", one(name: #""\ud83d\ude00""#)), ("an empty name", one(name: #""""#)),
      ("a name with a zero byte", one(name: #""\u0000""#)),
      ("metadata that is null", safetensorsFile(#"{"__metadata__":null}"#)),
      ("no tensors", safetensorsFile("{}")),
      ("ST25 0 times 2^62", one(shape: "[0,4611686018427387904]", offsets: "[0,0]", data: 0)),
      ("ST31 four elements of 6 bits", one(dtype: "F6_E2M3", shape: "[4]", offsets: "[0,3]", data: 3)),
    ])
  func accepts(sentence: String, bytes: [UInt8]) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file.safetensors")
      try Data(bytes).write(to: url)
      #expect(
        try facts(of: StateDict(path: url.path, format: .safetensors)) == pythonFacts(of: [url.path]), "\(sentence)")
    }
  }

  @Test("ST30 100,000 empty tensors at one place are read, as the library does")
  func manyEmpty() throws {
    let entries = (0..<100_000).map { #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"# }
    let bytes = safetensorsFile("{" + entries.joined(separator: ",") + "}")
    #expect(try readSafetensors(bytes).count == 100_000)
  }

  @Test("a repeated name is refused where the library keeps one of the two in silence")
  func duplicate() throws {
    let attack = try #require(Self.refused.first { $0.testDescription.hasPrefix("ST15") })
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "twice.safetensors")
      try Data(attack.bytes()).write(to: url)
      #expect(try pythonFacts(of: [url.path]).count == 1)
    }
  }

  @Test("a file that shrinks after it was opened is a typed error")
  func shrinks() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file.safetensors")
      try Data(one()).write(to: url)
      let state = try StateDict(path: url.path)
      let handle = try FileHandle(forWritingTo: url)
      try handle.truncate(atOffset: 20)
      try handle.close()
      #expect { try state["a"]?.read() } throws: { ($0 as? TensorError)?.code == .truncatedFile }
    }
  }
}
