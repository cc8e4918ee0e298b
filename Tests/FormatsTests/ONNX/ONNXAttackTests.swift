import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// Tensors that lie about themselves.
@Suite struct ONNXAttackTests {
  /// `f(number, wire type, payload)` is a field, `v(number)` a varint, `tensor(...)` a whole of [2, 3] float32.
  private static let prelude = """
    import struct
    def v(n):
        out = b""
        while n > 127: out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])
    def f(number, wire, payload):
        head = v(number << 3 | wire)
        return head + (v(len(payload)) + payload if wire == 2 else payload)
    def dims(*sizes): return b"".join(f(1, 0, v(n)) for n in sizes)
    def kind(n): return f(2, 0, v(n))
    def raw(count): return f(9, 2, bytes(count))
    floats = struct.pack("<6f", *range(6))

    """

  static let attacks = [
    Attack("as onnx writes it", "dims(2, 3) + kind(1) + f(9, 2, floats)", "ok"),
    Attack("dimensions in one packed field", "f(1, 2, v(2) + v(3)) + kind(1) + f(9, 2, floats)", "ok"),
    Attack(
      "numbers one by one", "dims(2, 3) + kind(1) + b''.join(f(4, 5, floats[i:i + 4]) for i in range(0, 24, 4))", "ok"),
    Attack("the type before the dimensions", "kind(1) + dims(2, 3) + f(9, 2, floats)", "ok"),
    Attack("one byte too few", "dims(2, 3) + kind(1) + raw(23)"),
    Attack("one byte too many", "dims(2, 3) + kind(1) + raw(25)"),
    Attack("no elements", "dims(2, 3) + kind(1)"),
    Attack("no type", "dims(2, 3) + raw(24)"),
    Attack("an unknown type", "dims(2, 3) + kind(99) + raw(24)"),
    Attack("four bits", "dims(2, 3) + kind(22) + raw(3)", "unsupported"),
    Attack("a negative dimension", "dims(2**64 - 2, 3) + kind(1) + raw(24)"),
    Attack("a product that overflows", "dims(2**40, 2**40) + kind(1) + raw(24)", "sizeOverflow"),
    Attack("a size that overflows", "dims(2**62) + kind(11) + raw(24)", "sizeOverflow"),
    Attack("65 dimensions", "dims(*[1] * 65) + kind(1) + raw(4)"),
    Attack("65 packed dimensions", "f(1, 2, v(1) * 65) + kind(1) + raw(4)"),
    Attack("very many packed dimensions", "f(1, 2, v(1) * 5000) + kind(1) + raw(4)"),
    Attack("a length beyond the file", "dims(2, 3) + kind(1) + v(9 << 3 | 2) + v(2**40) + floats"),
    Attack("a length of 64 bits", "dims(2, 3) + kind(1) + v(9 << 3 | 2) + v(2**64 - 1) + floats"),
    Attack("a number of more than 64 bits", "dims(2, 3) + kind(1) + v(2 << 3) + bytes([255] * 10 + [1]) + raw(24)"),
    Attack("a number that does not end", "dims(2, 3) + kind(1) + f(9, 2, floats) + v(14 << 3) + b'\\x80'"),
    Attack("a group", "dims(2, 3) + kind(1) + f(9, 2, floats) + v(7 << 3 | 3)"),
    Attack("field 0", "dims(2, 3) + kind(1) + f(9, 2, floats) + f(0, 0, v(1))"),
    Attack("an unknown field", "dims(2, 3) + kind(1) + f(9, 2, floats) + f(15, 0, v(1))"),
    Attack("elements of two kinds", "dims(2, 3) + kind(1) + f(9, 2, floats) + f(4, 2, floats)"),
    Attack("raw bytes twice", "dims(2, 3) + kind(1) + raw(12) + raw(12)"),
    Attack("elements in the field of another type", "dims(2, 3) + kind(1) + f(10, 2, bytes(48))"),
    Attack("doubles that are cut", "dims(1) + kind(11) + f(10, 2, bytes(7))"),
    Attack("a number that the type does not hold", "dims(1) + kind(3) + f(5, 2, v(128))"),
    Attack("a negative number for a type without sign", "dims(1) + kind(2) + f(5, 2, v(2**64 - 1))"),
    Attack("a truth value of 2", "dims(1) + kind(9) + f(5, 2, v(2))"),
    Attack("too few numbers", "dims(2) + kind(6) + f(5, 2, v(1))"),
    Attack("a segment", "dims(2, 3) + kind(1) + f(3, 2, b'') + f(9, 2, floats)", "unsupported"),
    Attack("texts", "dims(1) + kind(8) + f(6, 2, b'x')", "unsupported"),
    Attack("another file", "dims(2, 3) + kind(1) + f(14, 0, v(1))", "refused"),
    Attack("a name that is not UTF-8", "dims(2, 3) + kind(1) + f(9, 2, floats) + f(8, 2, b'\\xff')"),
    Attack("a name of 2 MiB", "dims(2, 3) + kind(1) + f(9, 2, floats) + f(8, 2, bytes(1 << 21))"),
    Attack("70,000 elements one by one", "dims(70000) + kind(6) + f(5, 0, v(1)) * 70000", "unsupported"),
    Attack(
      "70,000 pieces", "dims(70000) + kind(1) + (f(4, 5, bytes(4)) + f(16, 2, b'')) * 70000", "unsupported"),
  ]

  private static let files = Result { try Attack.files(prelude, attacks) }

  @Test("each is refused, or read as it is", arguments: attacks)
  func attack(_ attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "pb", format: .onnx)
  }

  @Test(
    "what is no whole tensor is not taken for one", arguments: ["a group", "field 0", "no type", "an unknown field"])
  func recognition(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "x.pb")
      try #require(try Self.files.get()[name]).write(to: url)
      #expect { try StateDict(contentsOf: url) } throws: { ($0 as? WeightFileError)?.code == .unknownFormat }
    }
  }
}
