import TensorFerryHDF5Reading
import Testing

@Suite struct ChecksumTests {
  /// The example in the source of lookup3.c, `driver5`: "hash is 17770551" for the start value 0.
  @Test("the checksum of metadata is that of its author's example")
  func example() {
    let text = Array("Four score and seven years ago".utf8)
    #expect(lookup3(text, 0..<text.count) == 0x1777_0551)
  }

  /// "hash is deadbeef" for no bytes and the start value 0.
  @Test("the checksum of nothing is that of its author's example")
  func nothing() {
    #expect(lookup3([1, 2, 3], 1..<1) == 0xDEAD_BEEF)
  }
}
