import TensorFerryTestSupport
import TensorFerryZlib
import Testing

@Suite struct CRC32Tests {
  private let sample = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 131 ^ $0 >> 5) }

  @Test("the checksum of nothing is 0")
  func nothing() {
    #expect(CRC32().value == 0)
  }

  @Test("the checksum is Python's, in whatever pieces the bytes come", arguments: [1, 7, 4096, 200_000])
  func pieces(size: Int) throws {
    var checksum = CRC32()
    for start in stride(from: 0, to: sample.count, by: size) {
      checksum.update(Array(sample[start..<min(sample.count, start + size)]))
    }
    let expected = try python("import zlib; print(zlib.crc32(bytes((i * 131 ^ i >> 5) & 255 for i in range(100003))))")
    #expect("\(checksum.value)\n" == expected)
  }
}
