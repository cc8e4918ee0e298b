import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Pickles that lie, ask for code, or ask for too much. The numbers are those of the threat model.
@Suite struct PickleAttackTests {
  private static let files = Result {
    let all = opcodes + bombs
    return Dictionary(uniqueKeysWithValues: zip(all.map(\.sentence), try PickleAttack.make(all.map(\.code))))
  }

  @Test("an opcode that does not fit what is there ends in an error", arguments: opcodes)
  func opcode(attack: PickleAttack) throws { try attack.check(#require(try Self.files.get()[attack.sentence])) }

  @Test("a pickle that asks for too much ends in an error, soon", .timeLimit(.minutes(1)), arguments: bombs)
  func bomb(attack: PickleAttack) throws { try attack.check(#require(try Self.files.get()[attack.sentence])) }

  static let opcodes: [PickleAttack] =
    [
      .init("PK02 nt.system as the root", #"op(g("nt", "system") + t(s("id")) + b"R")"#, .unsupported, "nt.system"),
      .init("PK02 posix.system as the root", #"op(g("posix", "system") + t(s("id")) + b"R")"#, .unsupported, "posix"),
      .init("PK04 INST", #"op(b"(ios\nsystem\n")"#, .unsupported, "INST"),
      .init("PK05 OBJ", #"op(b"(" + g("os", "system") + b"o")"#, .unsupported, "OBJ"),
      .init(
        "PK07 BUILD on a tensor", #"root(w=tensor() + d(a=i(1)) + b"b")"#, .malformed, "a tensor can have no state"),
      .init("PK07 BUILD on a list", #"root(w=b"]" + d(a=i(1)) + b"b")"#, .malformed, "a list can have no state"),
      .init("PK07 BUILD twice", #"op(od() + b"}b}b")"#, .malformed, "given a state twice"),
      .init("PK09 EXT1", #"op(b"\x82\x01")"#, .unsupported, "EXT1"),
      .init("PK09 EXT2", #"op(b"\x83\x01\x00")"#, .unsupported, "EXT2"),
      .init("PK09 EXT4", #"op(b"\x84\x01\x00\x00\x00")"#, .unsupported, "EXT4"),
      .init("PK10 PERSID", #"op(b"Pstorage\n")"#, .unsupported, "PERSID"),
      .init("PK13 SETITEM on a tensor", #"root(w=tensor() + s("a") + i(1) + b"s")"#, .malformed, "a tensor is no dict"),
      .init("PK13 SETITEM on a list", #"op(b"]" + s("a") + i(1) + b"s")"#, .malformed, "a list is no dict"),
      .init("PK13 SETITEMS on a tuple", #"op(b")(" + s("a") + i(1) + b"u")"#, .malformed, "a tuple is no dict"),
      .init("PK13 SETITEM on a string", #"op(s("x") + s("a") + i(1) + b"s")"#, .malformed, "a string is no dict"),
      .init("PK14 APPEND on a dict", #"op(b"}" + i(1) + b"a")"#, .malformed, "a dict is no list"),
      .init("PK14 APPENDS on a tensor", #"root(w=tensor() + b"(" + i(1) + b"e")"#, .malformed, "a tensor is no list"),
      .init("PK14 ADDITEMS on a list", #"op(b"](K\x01\x90")"#, .malformed, "a list is no set"),
      .init(
        "PK15 SETITEMS of three", #"op(b"}(" + i(1) * 3 + b"u")"#, .malformed, "3 keys and values do not make pairs"),
      .init("PK15 DICT of one", #"op(b"(K\x01d")"#, .malformed, "1 keys and values do not make pairs"),
      .init("PK16 a list as a key", #"op(b"}]K\x01s")"#, .malformed, "a list cannot be a key"),
      .init("PK16 a dict in a set", #"op(b"\x8f(}\x90")"#, .malformed, "a dict cannot be a key"),
      .init("PK19 POP_MARK without a mark", #"op(b"K\x011")"#, .malformed, "a mark is needed"),
      .init("PK19 values below a mark", #"op(b"K\x01K\x02(\x86")"#, .malformed, "2 values are needed, the stack has 0"),
      .init("PK19 marks are left", #"op(b"(K\x01")"#, .malformed, "1 marks are left"),
      .init("PK20 GET of nothing", #"op(b"h\x05")"#, .malformed, "nothing is in the memo at 5"),
      .init("PK20 GET as text of nothing", #"op(b"g7\n")"#, .malformed, "nothing is in the memo at 7"),
      .init("PK20 GET of -1", #"op(b"K\x01p-1\n")"#, .malformed, "a place in the memo is no number"),
      .init("PK21 LONG_BINPUT at 2^32 - 1", #"op(b"]r\xff\xff\xff\xff")"#, .unsupported, "4294967295, the limit is"),
      .init("PK21 PUT at 10^30", #"op(b"]p1" + b"0" * 30 + b"\n")"#, .malformed, "a place in the memo is no number"),
      .init("PK22 INT without digits", #"op(b"I-\n")"#, .malformed, "an integer is no number"),
      .init("PK22 INT of 10,000 digits", #"op(b"I" + b"9" * 10000 + b"\n")"#, .unsupported, "10000 digits"),
      .init("PK22 LONG of 10,000 digits", #"op(b"L" + b"9" * 10000 + b"L\n")"#, .unsupported, "10000 digits"),
      .init("PK22 FLOAT of letters", #"op(b"Fpi\n")"#, .malformed, "a float is no number"),
      .init("PK23 LONG4 of -1 bytes", #"op(b"\x8b\xff\xff\xff\xff")"#, .malformed, "a length is -1"),
      .init("PK23 BINSTRING of -2 bytes", #"op(b"T\xfe\xff\xff\xff")"#, .malformed, "a length is -2"),
      .init(
        "PK24 BINUNICODE8 of 2^63 bytes", #"op(b"\x8d" + struct.pack("<Q", 2**63))"#, .malformed, "9223372036854775808"),
      .init("PK24 BINUNICODE of 4 GiB", #"op(b"X\xff\xff\xff\xff")"#, .malformed, "4294967295 bytes are needed"),
      .init("PK25 BINBYTES8 of 2^62 bytes", #"op(b"\x8e" + struct.pack("<Q", 2**62))"#, .malformed, "bytes are needed"),
      .init("PK25 BYTEARRAY8 of 2^64 - 1 bytes", #"op(b"\x96" + b"\xff" * 8)"#, .malformed, "more than any file has"),
      .init(
        "PK26 FRAME longer than the pickle", #"op(b"\x95" + struct.pack("<Q", 900) + b"N")"#, .malformed,
        "900 bytes are needed"),
      .init(
        "PK26 FRAME that ends inside an opcode", #"op(b"\x95" + struct.pack("<Q", 2) + b"J\0\0\0\0")"#, .malformed,
        "the frame has 1 left"),
      .init(
        "PK26 FRAME in a frame", #"op(b"\x95" + struct.pack("<Q", 10) + b"\x95" + struct.pack("<Q", 1) + b"N")"#,
        .malformed, "a frame begins inside a frame"),
      .init("PK27 PROTO 6", #"pt(b"\x80\x06}.")"#, .unsupported, "protocol 6 is not known"),
      .init("PK27 PROTO 255", #"pt(b"\x80\xff}.")"#, .unsupported, "protocol 255"),
      .init("PK27 PROTO inside", #"op(b"\x80\x02}")"#, .malformed, "declared inside"),
      .init("PK28 no STOP", #"pt(P + b"}")"#, .malformed, "1 bytes are needed, the pickle has 0 left"),
      .init("PK28 nothing", #"pt(b"")"#, .malformed, "1 bytes are needed"),
      .init("PK29 bytes after STOP", #"pt(P + b"}.x")"#, .malformed, "bytes follow the end"),
      .init("PK30 two pickles", #"pt((P + b"}.") * 2)"#, .malformed, "bytes follow the end"),
      .init("PK35 text that is not UTF-8", #"op(b"X\x02\0\0\0\xff\xfe")"#, .malformed, "is not UTF-8"),
      .init("PK35 a lone surrogate", #"op(b"X\x03\0\0\0\xed\xa0\x80")"#, .malformed, "is not UTF-8"),
      .init("PK35 a lone surrogate of protocol 0", #"op(b"V\\ud800\n")"#, .malformed, "no character"),
      .init("PK35 a name that is not UTF-8", #"op(b"c\xff\nx\n")"#, .malformed, "a name is not UTF-8"),
      .init("an unknown opcode", #"op(b"\xfe")"#, .malformed, "0xfe is not known"),
      .init("REDUCE of a number", #"op(b"K\x01)R")"#, .malformed, "an integer is called"),
      .init("REDUCE with a list of arguments", #"op(g("a", "b") + b"]R")"#, .malformed, "must be a tuple"),
      .init("STACK_GLOBAL of numbers", #"op(b"K\x01K\x02\x93")"#, .malformed, "two strings"),
      .init("a key twice", #"op(b"}(" + (s("a") + i(1)) * 2 + b"u")"#, .malformed, "the key a appears twice"),
      .init(
        "a key twice in metadata", #"root(m=b"}(" + (s("a") + i(1)) * 2 + b"u")"#, .malformed, "the key a appears twice"
      ),
    ]
    + "Ra\u{81}bse\u{85}\u{86}\u{87}u02\u{94}\u{93}Q\u{92}\u{90}".unicodeScalars.map { scalar in
      .init(
        "PK17 opcode \(String(scalar.value, radix: 16)) on an empty stack", "pt(P + bytes([\(scalar.value)]) + b'.')",
        .malformed, "needed")
    }
    + "tldeu1\u{90}\u{91}".unicodeScalars.map { scalar in
      .init(
        "PK18 opcode \(String(scalar.value, radix: 16)) without its mark",
        "op(b'}K\\x01K\\x02' + bytes([\(scalar.value)]))", .malformed, "a mark is needed")
    }

  static let bombs: [PickleAttack] = [
    .init(
      "PK31 lists of lists of lists", "root(w=tensor(), x=laughs(30))", .unsupported, "shared containers make more than"
    ),
    .init(
      "PK31 tensors in shared dicts",
      #"pt(P + d(w=tensor()) + b"q\x000" + b"".join(b"}(" + b"".join(s(k) + b"h" + bytes([n]) for k in "abcd") + b"uq" + bytes([n + 1]) + b"0" for n in range(40)) + b"h\x28.")"#,
      .unsupported, "shared containers make more than"),
    .init("PK32 DUP", #"op(b"K\x01" + b"2" * 1100000)"#, .unsupported, "values, which is the limit"),
    .init("PK32 marks", #"op(b"(" * 1100000)"#, .unsupported, "marks, which is the limit"),
    .init("PK32 objects", #"op(b"]0" * 300000 + b"}")"#, .unsupported, "objects, which is the limit"),
    .init(
      "PK32 opcodes", #"op((b"(" + b"N" * 200000 + b"1") * 21 + b"}")"#, .unsupported, "opcodes, which is the limit"),
    .init(
      "PK32 tuples of one, deflated",
      #"pt(P + b"B" + struct.pack("<I", 15 << 20) + bytes(15 << 20) + b"0N" + b"\x85" * 800000 + b".", deflated=True)"#,
      .unsupported, "objects, which is the limit"),
    .init(
      "PK32 values in tuples of three", #"op(b"N" + b"22\x87" * 220000)"#, .unsupported, "values, which is the limit"),
    .init(
      "PK32 a long list of pairs, made a dict again and again",
      #"op(b"](" + (s("a") + b"N\x86") * 1000 + b"eq\x000" + g("collections", "OrderedDict") + b"q\x010" + b"h\1h\0\x85R" * 60000)"#,
      .unsupported, "values, which is the limit"),
    .init(
      "PK32 a long text, encoded again and again",
      #"op(s("a" * 1000000) + s("latin1") + b"\x86q\x000" + g("_codecs", "encode") + b"q\x010" + b"h\1h\0R" * 60000)"#,
      .unsupported, "texts of more than"),
    .init(
      "PK32 a long name, put together again and again",
      #"op(s("a" * 1000000) + b"q\x000" + b"h\0h\0\x93" * 60000)"#, .unsupported, "texts of more than"),
    .init(
      "PK32 a long name of a device, made again and again",
      #"op(s("a" * 1000000) + i(1) + b"\x86q\x000" + g("torch", "device") + b"q\x010" + b"h\1h\0R" * 60000)"#,
      .unsupported,
      "texts of more than"),
    .init(
      "PK32 a long key above many tensors",
      #"op(tensor() + b"q\x000}" + s("a" * 1000000) + b"}(" + b"".join(s(str(n)) + b"h\0" for n in range(20000)) + b"us")"#,
      .unsupported, "the names with dots have more than"),
    .init("PK33 a list in itself", #"root(w=tensor(), x=b"]q\0h\0a")"#, .unsupported, "contains itself"),
    .init(
      "PK33 a dict in itself, with a tensor", #"op(d(w=tensor()) + b"q\0" + s("me") + b"h\0s")"#, .unsupported,
      "contains itself"),
    .init("PK33 a tuple in a list in itself", #"root(w=tensor(), x=b"]q\0h\0\x85a")"#, .unsupported, "contains itself"),
    .init(
      "PK34 150,000 nested lists", #"op(b"]" * 150000 + tensor() + b"a" * 150000)"#, .unsupported, "deeper than 64"),
    .init(
      "PK34 150,000 nested tuples with a tensor", #"op(tensor() + b"\x85" * 150000)"#, .unsupported, "deeper than 64"),
    .init(
      "a pickle of 65 MiB", #"pt(b"\x80\x02B" + struct.pack("<I", 65 << 20) + bytes(65 << 20) + b".")"#, .malformed,
      "the limit is 67108864"),
    .init(
      "a pickle of 17 MiB, deflated",
      #"pt(b"\x80\x02B" + struct.pack("<I", 17 << 20) + bytes(17 << 20) + b".", deflated=True)"#,
      .malformed, "the limit is 16777216"),
  ]
}

extension PickleAttackTests {
  /// Calls of code that nothing depends on are listed, and never carried out.
  @Test(
    "PK01, PK03, PK06 and PK08: a call is noted and not carried out; a tensor inside makes the file refused",
    arguments: [
      ("PK01 REDUCE of os.system", #"g("os", "system") + t(s("touch canary")) + b"R""#, false),
      (
        "PK03 STACK_GLOBAL from the memo",
        #"s("os") + b"q\x000" + s("system") + b"q\x010h\0h\1\x93" + t(s("touch canary")) + b"R""#, false
      ),
      ("PK06 NEWOBJ", #"g("subprocess", "Popen") + t(s("touch canary")) + b"\x81""#, false),
      ("PK06 NEWOBJ_EX", #"g("subprocess", "Popen") + b")" + d(args=s("touch canary")) + b"\x92""#, false),
      ("PK08 BUILD with a state for __setstate__", #"g("some", "Class") + b")\x81" + d(a=i(1)) + b"b""#, false),
      ("PK06 NEWOBJ with a tensor", #"g("some", "Class") + t(tensor()) + b"\x81""#, true),
      ("PK08 BUILD with a tensor", #"g("some", "Class") + b")\x81" + d(a=tensor()) + b"b""#, true),
      (
        "a call of the result of a call",
        #"g("builtins", "getattr") + t(g("os", "a"), s("system")) + b"R" + t(s("touch canary")) + b"R""#, false
      ),
    ])
  func calls(sentence: String, code: String, isRefused: Bool) throws {
    let bytes = try PickleAttack.make(["root(w=tensor(), x=\(code))"])[0]
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try bytes.write(to: url)
      let state = try StateDict(contentsOf: url)
      #expect(state.names == ["w"])
      #expect(state.others.map(\.name) == ["x"])
      #expect(state.others.first?.kind == "object")
      #expect(state.others.first?.isRefused == isRefused)
    }
    #expect(!FileManager.default.fileExists(atPath: "canary"))
  }
}
