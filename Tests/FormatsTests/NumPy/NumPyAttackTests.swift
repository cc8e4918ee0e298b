import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct NumPyAttackTests {
  private static let prelude = """
    import io, struct, zipfile
    def array(header, data=bytes(24), version=1, length=None, magic=b'\\x93NUMPY'):
        header = header.encode() if isinstance(header, str) else header
        size = len(header) if length is None else length
        return magic + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', size) + header + data
    def make(shape='(2, 3)', descr="'<f4'", order='False', end='\\n', **rest):
        return array("{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape) + end, **rest)
    def member(data, method):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, 'w', method) as file: file.writestr('a.npy', data)
        return archive.getvalue()

    """

  static let attacks: [Attack] = [
    Attack("NP01 bad magic", "make(magic=b'\\x93NUMPX')", "unknownFormat"),
    Attack("NP02 version 0", "make(version=0)", "unsupported"),
    Attack("NP02 version 4", "make(version=4)", "unsupported"),
    Attack("NP03 a header longer than the file", "make(length=9000)"),
    Attack("NP03 a file that ends in the length", "make()[:9]"),
    Attack("NP04 a header of 2^32 - 1 bytes", "make(version=2, length=2**32 - 1)"),
    Attack("NP04 a header above the limit", "make(end=' ' * 10001)"),
    Attack("NP05 a header without line feed, which numpy reads", "make(end='')", "ok"),
    Attack("NP06 code instead of a literal", "array('__import__(\"os\").system(\"true\")\\n')"),
    Attack("NP06 code as a value", "make(shape='(2, __import__(\"os\").getpid())')"),
    Attack("NP07 a key too many", "array(\"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}\")"),
    Attack("NP07 a key missing", "array(\"{'descr': '<f4', 'shape': (6,)}\")"),
    Attack(
      "NP07 a key twice", "array(\"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'shape': (6,)}\")"),
    Attack("NP08 text behind the dict", "make(end=' or 1\\n')"),
    Attack("NP09 a negative dimension", "make(shape='(-2, -3)')"),
    Attack("NP09 a dimension of 2^64", "make(shape='(18446744073709551616,)')"),
    Attack("NP09 a boolean dimension", "make(shape='(True, 6)')"),
    Attack("NP09 a nested shape", "make(shape='((2, 3),)')"),
    Attack("NP09 a number for a shape", "make(shape='(6)')"),
    Attack("NP09 a list for a shape", "make(shape='[2, 3]')"),
    Attack("NP09 a dimension with a leading zero", "make(shape='(02, 3)')"),
    Attack("NP09 65 dimensions", "make(shape='(' + '1,' * 65 + ')')"),
    Attack("NP10 a product above 2^63", "make(shape='(4294967296, 4294967296)')", "sizeOverflow"),
    Attack("NP10 a size in bytes above 2^63", "make(shape='(4611686018427387904,)')", "sizeOverflow"),
    Attack("NP11 an object array", "make(descr=\"'|O'\")", "unsupported"),
    Attack("NP12 a structured array", "make(descr=\"[('r', '<f4')]\")", "unsupported"),
    Attack("NP12 a number for a type", "make(descr='4')"),
    Attack("NP13 big-endian", "make(descr=\"'>f4'\")", "ok"),
    Attack("NP13 native order", "make(descr=\"'=f4'\")", "ok"),
    Attack("NP13 boolean", "make(descr=\"'|b1'\", shape='(24,)')", "ok"),
    Attack("NP13 unicode", "make(descr=\"'<U1'\")", "unsupported"),
    Attack("NP13 dates", "make(descr=\"'<M8[ns]'\", shape='(3,)')", "unsupported"),
    Attack("NP13 a float of 128 bits", "make(descr=\"'<f16'\", data=bytes(96))", "unsupported"),
    Attack("NP13 raw bytes", "make(descr=\"'|V4'\")", "unsupported"),
    Attack("NP13 no order for a type of 4 bytes", "make(descr=\"'|f4'\")", "unsupported"),
    Attack("NP13 an empty type", "make(descr=\"''\")", "unsupported"),
    Attack("NP13 a line feed in the type", "make(descr=\"'<f\\n4'\")"),
    Attack("NP14 Fortran order", "make(order='True')", "ok"),
    Attack("NP15 a number for the order", "make(order='1')"),
    Attack("NP16 data too short", "make(data=bytes(23))"),
    Attack("NP17 data too long", "make(data=bytes(25))"),
    Attack("NP18 a scalar", "make(shape='()', data=bytes(4))", "ok"),
    Attack("NP19 zero times 2^62", "make(shape='(0, 4611686018427387904)', data=b'')", "ok"),
    Attack("NP19 zero times too much", "make(shape='(0, 4611686018427387904, 8)', data=b'')", "sizeOverflow"),
    Attack(
      "NP19 zero times too much, the other way round", "make(shape='(4611686018427387904, 8, 0)', data=b'')",
      "sizeOverflow"),
    Attack("NP20 a shape of a thousand times the data", "make(shape='(2000, 3)')"),
  ]

  static let files = Result { try Attack.files(prelude, attacks) }

  @Test("a hostile .npy file is an error with its place, or has its right value", arguments: attacks)
  func npy(attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "npy", format: nil)
  }

  private static func members(_ method: Int) -> [Attack] {
    attacks.map {
      // Only whole files are recognised by these bytes; texts are listed beside the tensors of an archive.
      let outcome = ["NP01 bad magic": "malformed", "NP13 unicode": "ok"][$0.testDescription] ?? $0.outcome
      return Attack($0.testDescription, "member(\($0.bytes), \(method))", outcome)
    }
  }

  private static let storedAttacks: [Attack] = members(0)
  private static let deflatedAttacks: [Attack] = members(8)
  private static let storedFiles = Result { try Attack.files(prelude, storedAttacks) }
  static let deflatedFiles = Result { try Attack.files(prelude, deflatedAttacks) }

  @Test("a hostile array that is stored in an archive ends the same way", arguments: storedAttacks)
  func stored(attack: Attack) throws {
    try attack.expectOutcome(Self.storedFiles, ending: "npz", format: nil)
  }

  @Test("a hostile array that is deflated in an archive ends the same way", arguments: deflatedAttacks)
  func deflated(attack: Attack) throws {
    try attack.expectOutcome(Self.deflatedFiles, ending: "npz", format: nil)
  }
}
