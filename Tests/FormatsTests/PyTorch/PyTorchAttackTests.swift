import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Files whose parts contradict each other. The numbers are those of the threat model.
@Suite struct PyTorchAttackTests {
  private static let files = Result {
    Dictionary(uniqueKeysWithValues: zip(attacks.map(\.sentence), try PickleAttack.make(attacks.map(\.code))))
  }

  @Test("a file that contradicts itself ends in an error", arguments: attacks)
  func contradiction(attack: PickleAttack) throws { try attack.check(#require(try Self.files.get()[attack.sentence])) }

  static let attacks: [PickleAttack] = [
    .init(
      "PK11 a storage that is no tuple", #"root(w=tensor(s("storage") + b"Q"))"#, .malformed, "a storage is expected"),
    .init(
      "PK11 a storage with another tag",
      #"root(w=tensor(t(s("module"), g("torch", "FloatStorage"), s("0"), s("cpu"), i(6)) + b"Q"))"#, .malformed,
      "5 or 6 parts"),
    .init("PK11 a storage of seven parts", #"root(w=tensor(store(tail=[b"N", b"N"])))"#, .malformed, "5 or 6 parts"),
    .init(
      "PK11 a storage outside the archive", #"root(w=tensor(store("../../etc/passwd")))"#, .malformed,
      "the storage is missing"),
    .init(
      "PK11 a class that is no storage", #"root(w=tensor(store(cls="NoStorage")))"#, .malformed, "no class of storages"),
    .init(
      "PK11 a key that is a number",
      #"root(w=tensor(t(s("storage"), g("torch", "FloatStorage"), i(0), s("cpu"), i(6)) + b"Q"))"#, .malformed,
      "must be a string of ASCII"),
    .init("PK11 a key that is not ASCII", #"root(w=tensor(store("\u00e9")))"#, .malformed, "must be a string of ASCII"),
    .init("PK11 a negative size", #"root(w=tensor(store(n=-6)))"#, .malformed, "at least 0"),
    .init(
      "PK12 too few arguments", #"root(w=rebuild(store(), i(0), t(i(6))))"#, .malformed,
      "has 3 arguments, it takes 6...7"),
    .init(
      "PK12 an offset that is a text", #"root(w=rebuild(store(), s("0"), t(i(6)), t(i(1)), b"\x89", od()))"#,
      .malformed, "it must be an integer"),
    .init(
      "PK12 a size that is a text", #"root(w=rebuild(store(), i(0), t(s("6")), t(i(1)), b"\x89", od()))"#, .malformed,
      "tuple of integers"),
    .init(
      "PK12 sizes that are a number", #"root(w=rebuild(store(), i(0), i(6), t(i(1)), b"\x89", od()))"#, .malformed,
      "tuple of integers"),
    .init(
      "PK12 a number as a storage", #"root(w=rebuild(i(0), i(0), t(i(6)), t(i(1)), b"\x89", od()))"#, .malformed,
      "in the place of its storage"),
    .init("PK12 marks that are a list", #"root(w=tensor(more=[b"]"]))"#, .malformed, "must be a dict"),
    .init("PK12 an unknown mark", #"root(w=tensor(more=[d(zero=b"\x88")]))"#, .unsupported, "unknown mark"),
    .init(
      "PK12 real numbers that are conjugated", #"root(w=tensor(more=[d(conj=b"\x88")]))"#, .malformed,
      "marked as conjugated"),
    .init(
      "PK12 bools that are negated", #"root(w=tensor(store(n=24, cls="BoolStorage"), more=[d(neg=b"\x88")]))"#,
      .malformed, "marked as negated"),
    .init(
      "PK12 a parameter of a number", #"root(w=rebuild(i(1), b"\x88", od(), fn="_rebuild_parameter"))"#, .malformed,
      "it must be a tensor"),
    .init(
      "PK36 a storage larger than its member", #"root(w=tensor(store(n=7)))"#, .malformed,
      "the storage has 7 elements of 4 bytes, the member has 24"),
    .init(
      "PK36 a storage smaller than its member", #"root(w=tensor(store(n=5), size=(5,), stride=(1,)))"#, .malformed,
      "the storage has 5 elements of 4 bytes, the member has 24"),
    .init(
      "PK36 a storage of 2^62 elements", #"root(w=tensor(store(n=2**62)))"#, .malformed, "4611686018427387904 elements"),
    .init(
      "PK37 an offset too large", #"root(w=tensor(offset=1))"#, .malformed,
      "element 6 of the storage is shown, it has 6"),
    .init("PK37 a stride too large", #"root(w=tensor(stride=(4, 1)))"#, .malformed, "element 6 of the storage"),
    .init("PK37 a size too large", #"root(w=tensor(size=(2, 4)))"#, .malformed, "element 6 of the storage"),
    .init("PK37 a negative stride", #"root(w=tensor(offset=5, stride=(-3, -1)))"#, .malformed, "is negative"),
    .init("PK37 a negative offset", #"root(w=tensor(offset=-1))"#, .malformed, "is negative"),
    .init(
      "PK37 a stride that overflows", #"root(w=tensor(stride=(2**62, 2**62)))"#, .malformed, "of the storage is shown"),
    .init(
      "PK37 a stride that overflows by the size", #"root(w=tensor(size=(2, 2**40), stride=(0, 2**40)))"#, .malformed,
      "2^63"),
    .init("PK37 fewer strides than sizes", #"root(w=tensor(stride=(1,)))"#, .malformed, "2 sizes and 1 strides"),
    .init("PK37 65 dimensions", #"root(w=tensor(size=(1,) * 65, stride=(1,) * 65))"#, .malformed, "at most 64"),
    .init(
      "PK37 an expansion to 2^42 bytes", #"root(w=tensor(size=(2**40,), stride=(0,)))"#, .unsupported,
      "4398046511104 bytes repeat a storage of 24"),
    .init("PK39 a missing storage", #"root(w=tensor(store("1")))"#, .malformed, "the storage is missing"),
    .init(
      "PK40 a dtype that contradicts the storage",
      #"root(w=tensor(more=[g("torch", "int32")], fn="_rebuild_tensor_v3"))"#, .malformed, "a storage of another type"),
    .init(
      "PK40 a dtype that is a text",
      #"root(w=tensor(store(n=24, cls="UntypedStorage", module="torch.storage"), more=[s("int32")], fn="_rebuild_tensor_v3"))"#,
      .malformed, "no element type"),
    .init(
      "PK40 bytes that the dtype does not fill",
      #"root(w=tensor(store(n=24, cls="UntypedStorage", module="torch.storage"), more=[g("torch", "float64")], fn="_rebuild_tensor_v3"))"#,
      .malformed, "element 5 of the storage is shown, it has 3"),
    .init(
      "PK41 a byte order with a line feed", #"pt(P + d(w=tensor()) + b".", more={"byteorder": b"little\n"})"#,
      .malformed, "neither 'little' nor 'big'"),
    .init("PK42 legacy: the file ends in a storage", "legacy()[:-1]", .malformed, "24 bytes"),
    .init("PK42 legacy: the file ends in a pickle", "legacy()[:60]", .malformed, "are needed, the file has"),
    .init(
      "PK42 legacy: a storage of another size", #"legacy(storages=struct.pack("<q", 5) + bytes(20))"#, .malformed,
      "has 5 elements, the pickle says 6"),
    .init(
      "PK42 legacy: a storage of -1 elements", #"legacy(storages=struct.pack("<q", -1) + bytes(24))"#, .malformed,
      "elements, the pickle says 6"),
    .init("PK42 legacy: bytes behind the storages", "legacy() + b'x'", .malformed, "the storages end at byte"),
    .init(
      "PK42 legacy: a storage twice", #"legacy(keys=["0", "0"], storages=(struct.pack("<q", 6) + bytes(24)) * 2)"#,
      .malformed, "appears twice"),
    .init("PK42 legacy: a storage of no tensor", #"legacy(keys=["1"])"#, .malformed, "no tensor names"),
    .init("PK42 legacy: no storage", #"legacy(keys=[], storages=b"")"#, .malformed, "the storage '0' is missing"),
    .init("PK42 legacy: keys that are numbers", "legacy(keys=[0])", .malformed, "a list of strings"),
    .init("PK42 legacy: protocol 1000", "legacy(version=1000)", .malformed, "it must be 1001"),
    .init(
      "PK42 legacy: the magic number is made by a call",
      #"legacy(magic=P + g("builtins", "int") + t(s("0x1950a86a20f9469cfc6c")) + b"R.")"#, .malformed, "magic number"),
    .init(
      "PK42 legacy: a storage declared twice",
      #"legacy(P + d(a=tensor(store(tail=[b"N"])), b=tensor(store(n=7, tail=[b"N"]))) + b".")"#, .malformed,
      "declared twice, and differently"),
    .init(
      "PK42 legacy: a view outside its storage",
      #"legacy(P + d(a=tensor(store(tail=[t(s("v"), i(4), i(3))]))) + b".")"#, .malformed, "outside its 6 elements"),
    .init("PK43 the tar of 2016", #"tar("sys_info")"#, .unsupported, "the tar format of PyTorch before 0.1.10"),
    .init(
      "PK44 a TorchScript module without attributes",
      #"pt(P + g("__torch__", "M") + b")\x81]" + tensor() + b"ab.", more={"constants.pkl": b"\x80\x02)."})"#,
      .unsupported, "not its attributes"),
    .init(
      "a whole module instead of a state dict", #"op(g("models", "Net") + b")\x81" + d(w=tensor()) + b"b")"#,
      .unsupported, "models.Net"),
    .init("a text instead of tensors", #"op(s("hello"))"#, .unsupported, "the file holds a string"),
    .init(
      "a list of numbers instead of tensors", #"op(b"](" + i(1) * 3 + b"e")"#, .unsupported, "a list without tensors"),
    .init("a storage instead of tensors", "op(store())", .unsupported, "the file holds a persistent"),
    .init(
      "names that collide", #"op(d(**{"a.b": tensor(), "a": d(b=tensor(offset=0, size=(3,), stride=(1,)))}))"#,
      .malformed, "appears twice"),
    .init(
      "metadata names that collide", #"op(d(**{"a.b": i(1), "a": d(b=i(2), w=tensor())}))"#, .malformed,
      "two values have the name 'a.b'"),
    .init("no version", #"pt(P + b"}.", version=None)"#, .malformed, "does not say its version"),
    .init("version 11", #"pt(P + b"}.", version=b"11\n")"#, .unsupported, "version 11 is not known"),
    .init("a version that is no number", #"pt(P + b"}.", version=b"new\n")"#, .malformed, "the version is no number"),
    .init(
      "two pickles in two folders", #"pt(P + b"}.", more={"/b/data.pkl": P + b"}."})"#, .malformed,
      "2 members are named"),
    .init("PK37 a negative size", #"root(w=tensor(size=(-2, -3)))"#, .malformed, "is negative"),
    .init(
      "PK37 a size of 2^64 elements", #"root(w=tensor(size=(2**32, 2**32), stride=(0, 0)))"#, .malformed, "exceeds 2^63"
    ),
    .init(
      "a pickle without a folder", #"pt(P + b"}.", folder="")"#, .malformed, "0 members are named <folder>/data.pkl"),
  ]

  @Test("PK37: an empty tensor needs no bytes, wherever it begins")
  func empty() throws {
    let bytes = try PickleAttack.make([#"root(w=tensor(offset=100, size=(0, 2**40), stride=(1, 2**60)))"#])[0]
    #expect(try PickleAttack.error(of: bytes) == nil)
  }

  @Test("PK38: tensors that share a storage are tied if they show the same elements, told if they overlap")
  func shared() throws {
    let code = #"root(a=tensor(), b=tensor(), c=tensor(offset=2, size=(2,), stride=(2,)))"#
    let bytes = try PickleAttack.make([code])[0]
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      try bytes.write(to: url)
      let state = try StateDict(contentsOf: url)
      #expect(state.sharedNames == [["a", "b"]])
      #expect(state.others.map { "\($0.name): \($0.kind)" } == ["c: partial tie"])
    }
  }

  @Test("a flipped bit in a storage ends in an error, and nothing is written")
  func flippedBit() throws {
    let bytes = try PickleAttack.make([
      #"pt(P + d(a=tensor(), b=tensor(offset=1, size=(2,), stride=(2,))) + b".", bytes(range(24)))"#
    ])[0]
    let data = try #require(bytes.firstRange(of: Data(0..<24)))
    for name in ["a", "b"] {
      for byte in [data.lowerBound, data.upperBound - 1] {
        var flipped = bytes
        flipped[byte] ^= 0x10
        try withTemporaryDirectory { directory in
          let url = directory.appending(path: "weights.pt")
          try flipped.write(to: url)
          let state = try StateDict(contentsOf: url)
          #expect(throws: WeightFileError.self) { try state[name]?.read() }
          let output = directory.appending(path: "out.pt")
          #expect(throws: WeightFileError.self) { try state.write(to: output, format: .pytorch) }
          #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["weights.pt"])
        }
      }
    }
  }

  @Test(
    "a file that ends anywhere is an error",
    arguments: [#"root(w=tensor(), e=d(a=i(1)))"#, "legacy()"])
  func truncated(code: String) throws {
    let bytes = try PickleAttack.make([code])[0]
    #expect(try PickleAttack.error(of: bytes) == nil)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "weights.pt")
      for count in 0..<bytes.count {
        try bytes.prefix(count).write(to: url)
        let error = #expect(throws: WeightFileError.self) { try StateDict(contentsOf: url, format: .pytorch) }
        #expect(error?.file == url.path)
      }
    }
  }

  @Test("no byte of a pickle can be changed so that reading ends in anything but values or an error")
  func changedBytes() throws {
    let code = #"P + d(w=tensor(more=[b"N"]), e=t(s("a"), i(1), b"G" + bytes(8))) + b".""#
    let pickle = [UInt8](try PickleAttack.make([code])[0])
    let storage = try LazyTensor(dtype: .u8, shape: [24], content: .memory(Array(repeating: 0, count: 24)))
    var accepted = 0
    for position in pickle.indices {
      for value in stride(from: UInt8(1), through: 255, by: 2) {
        var changed = pickle
        changed[position] ^= value
        do {
          let state = try PyTorchFormat.stateDict(ofPickle: changed, storage: storage)
          for element in state where element.tensor.byteCount < 1 << 20 { _ = try element.tensor.read() }
          accepted += 1
        } catch is WeightFileError, is TensorError {
          continue
        }
      }
    }
    // A changed letter of a name is a valid file; most changes are not.
    #expect(accepted > 0)
    #expect(accepted < pickle.count * 128 / 2)
  }
}
