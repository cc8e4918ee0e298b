import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// A hostile array: what is wrong with it, the Python expression of its bytes, and how it ends.
struct NumPyAttack: CustomTestStringConvertible {
  let testDescription: String
  let bytes: String
  let outcome: String

  init(_ description: String, _ bytes: String, _ outcome: String = "malformed") {
    testDescription = description
    self.bytes = bytes
    self.outcome = outcome
  }
}

@Suite struct NumPyAttackTests {
  private static let prelude = """
    import struct, sys, zipfile
    def array(header, data=bytes(24), version=1, length=None, magic=b'\\x93NUMPY'):
        header = header.encode() if isinstance(header, str) else header
        size = len(header) if length is None else length
        return magic + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', size) + header + data
    def make(shape='(2, 3)', descr="'<f4'", order='False', end='\\n', **rest):
        return array("{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape) + end, **rest)

    """

  static let attacks = [
    NumPyAttack("NP01 bad magic", "make(magic=b'\\x93NUMPX')", "unknownFormat"),
    NumPyAttack("NP02 version 0", "make(version=0)", "unsupported"),
    NumPyAttack("NP02 version 4", "make(version=4)", "unsupported"),
    NumPyAttack("NP03 a header longer than the file", "make(length=9000)"),
    NumPyAttack("NP03 a file that ends in the length", "make()[:9]"),
    NumPyAttack("NP04 a header of 2^32 - 1 bytes", "make(version=2, length=2**32 - 1)"),
    NumPyAttack("NP04 a header above the limit", "make(end=' ' * 10001)"),
    NumPyAttack("NP05 a header without line feed, which numpy reads", "make(end='')", "ok"),
    NumPyAttack("NP06 code instead of a literal", "array('__import__(\"os\").system(\"true\")\\n')"),
    NumPyAttack("NP06 code as a value", "make(shape='(2, __import__(\"os\").getpid())')"),
    NumPyAttack("NP07 a key too many", "array(\"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}\")"),
    NumPyAttack("NP07 a key missing", "array(\"{'descr': '<f4', 'shape': (6,)}\")"),
    NumPyAttack(
      "NP07 a key twice", "array(\"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'shape': (6,)}\")"),
    NumPyAttack("NP08 text behind the dict", "make(end=' or 1\\n')"),
    NumPyAttack("NP09 a negative dimension", "make(shape='(-2, -3)')"),
    NumPyAttack("NP09 a dimension of 2^64", "make(shape='(18446744073709551616,)')"),
    NumPyAttack("NP09 a boolean dimension", "make(shape='(True, 6)')"),
    NumPyAttack("NP09 a nested shape", "make(shape='((2, 3),)')"),
    NumPyAttack("NP09 a number for a shape", "make(shape='(6)')"),
    NumPyAttack("NP09 a list for a shape", "make(shape='[2, 3]')"),
    NumPyAttack("NP09 a dimension with a leading zero", "make(shape='(02, 3)')"),
    NumPyAttack("NP09 65 dimensions", "make(shape='(' + '1,' * 65 + ')')"),
    NumPyAttack("NP10 a product above 2^63", "make(shape='(4294967296, 4294967296)')", "sizeOverflow"),
    NumPyAttack("NP10 a size in bytes above 2^63", "make(shape='(4611686018427387904,)')", "sizeOverflow"),
    NumPyAttack("NP11 an object array", "make(descr=\"'|O'\")", "unsupported"),
    NumPyAttack("NP12 a structured array", "make(descr=\"[('r', '<f4')]\")", "unsupported"),
    NumPyAttack("NP12 a number for a type", "make(descr='4')"),
    NumPyAttack("NP13 big-endian", "make(descr=\"'>f4'\")", "ok"),
    NumPyAttack("NP13 native order", "make(descr=\"'=f4'\")", "ok"),
    NumPyAttack("NP13 boolean", "make(descr=\"'|b1'\", shape='(24,)')", "ok"),
    NumPyAttack("NP13 unicode", "make(descr=\"'<U1'\")", "unsupported"),
    NumPyAttack("NP13 dates", "make(descr=\"'<M8[ns]'\", shape='(3,)')", "unsupported"),
    NumPyAttack("NP13 a float of 128 bits", "make(descr=\"'<f16'\", data=bytes(96))", "unsupported"),
    NumPyAttack("NP13 raw bytes", "make(descr=\"'|V4'\")", "unsupported"),
    NumPyAttack("NP13 no order for a type of 4 bytes", "make(descr=\"'|f4'\")", "unsupported"),
    NumPyAttack("NP13 an empty type", "make(descr=\"''\")", "unsupported"),
    NumPyAttack("NP13 a line feed in the type", "make(descr=\"'<f\\n4'\")"),
    NumPyAttack("NP14 Fortran order", "make(order='True')", "ok"),
    NumPyAttack("NP15 a number for the order", "make(order='1')"),
    NumPyAttack("NP16 data too short", "make(data=bytes(23))"),
    NumPyAttack("NP17 data too long", "make(data=bytes(25))"),
    NumPyAttack("NP18 a scalar", "make(shape='()', data=bytes(4))", "ok"),
    NumPyAttack("NP19 zero times 2^62", "make(shape='(0, 4611686018427387904)', data=b'')", "ok"),
    NumPyAttack("NP19 zero times too much", "make(shape='(0, 4611686018427387904, 8)', data=b'')", "sizeOverflow"),
    NumPyAttack(
      "NP19 zero times too much, the other way round", "make(shape='(4611686018427387904, 8, 0)', data=b'')",
      "sizeOverflow"),
    NumPyAttack("NP20 a shape of a thousand times the data", "make(shape='(2000, 3)')"),
  ]

  @Test("a hostile .npy file is an error with its place, or has its right value", arguments: attacks)
  func npy(attack: NumPyAttack) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "hostile.npy")
      try python(Self.prelude + "open(sys.argv[1], 'wb').write(\(attack.bytes))", [url.path])
      #expect(NumPyFiles.outcome(of: url) == attack.outcome)
    }
  }

  @Test("a hostile array in an archive ends the same way, stored and deflated", arguments: attacks, [0, 8])
  func npz(attack: NumPyAttack, method: Int) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "hostile.npz")
      try python(
        Self.prelude
          + """
          with zipfile.ZipFile(sys.argv[1], 'w', \(method)) as archive: archive.writestr('a.npy', \(attack.bytes))
          """, [url.path])
      // Only whole files are recognised by these bytes; texts are listed beside the tensors of an archive.
      let outcome = ["NP01 bad magic": "malformed", "NP13 unicode": "ok"][attack.testDescription] ?? attack.outcome
      #expect(NumPyFiles.outcome(of: url) == outcome)
    }
  }
}
