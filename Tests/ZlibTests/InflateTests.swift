import Foundation
import TensorFerryTestSupport
import TensorFerryZlib
import Testing

/// Bytes that neither are all equal nor repeat soon.
private func sample(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7) }
}

private func code(_ body: () throws -> Void) -> ZlibError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? ZlibError)?.code
  }
}

@Suite struct InflateTests {
  @Test("what Python's zlib deflates is inflated to the same bytes", arguments: [0, 1, 70_001], ["zlib", "raw"])
  func inflatesPython(count: Int, container: String) throws {
    let output = try python(
      """
      import sys, zlib
      data = bytes((i * 31 ^ i >> 7) & 255 for i in range(int(sys.argv[1])))
      deflater = zlib.compressobj(9, zlib.DEFLATED, 15 if sys.argv[2] == 'zlib' else -15)
      print((deflater.compress(data) + deflater.flush()).hex())
      """, [String(count), container])
    let stream = try bytes(hex: output)
    #expect(try inflate(stream, toCount: count, container: container == "zlib" ? .zlib : .raw) == sample(count))
  }

  @Test("Python's zlib inflates what is deflated here", arguments: [0, 1, 6, 9], ["zlib", "raw"])
  func pythonInflates(level: Int, container: String) throws {
    let stream = deflate(sample(5000), level: level, container: container == "zlib" ? .zlib : .raw)
    let output = try python(
      """
      import sys, zlib
      data = zlib.decompress(bytes.fromhex(sys.argv[1]), 15 if sys.argv[2] == 'zlib' else -15)
      print(data == bytes((i * 31 ^ i >> 7) & 255 for i in range(5000)))
      """, [stream.map { String(format: "%02x", $0) }.joined(), container])
    #expect(output == "True\n")
  }

  @Test("a stream that gives fewer bytes is too short, and the error has both sizes")
  func tooShort() throws {
    let error = try #require(throws: ZlibError.self) { try inflate(deflate(sample(64)), toCount: 1024) }
    #expect(error.code == .tooShort)
    #expect((error.produced, error.expected) == (64, 1024))
  }

  @Test("a stream that gives one byte more is too long")
  func tooLong() {
    #expect(code { _ = try inflate(deflate(sample(65)), toCount: 64) } == .tooLong)
  }

  @Test("a bomb is stopped at the first byte too many")
  func bomb() throws {
    let bomb = deflate([UInt8](repeating: 0, count: 50_000_000), level: 9)
    let error = try #require(throws: ZlibError.self) { try inflate(bomb, toCount: 4096) }
    #expect(error.code == .tooLong)
    #expect(error.produced == 4097)
  }

  @Test("input that ends inside the stream is truncated, wherever it ends")
  func truncated() {
    let stream = deflate(sample(300))
    for length in 0..<stream.count {
      #expect(code { _ = try inflate(Array(stream[..<length]), toCount: 300) } == .truncatedInput)
    }
  }

  @Test("input behind the end of the stream is left over")
  func leftover() {
    #expect(code { _ = try inflate(deflate(sample(300)) + [0], toCount: 300) } == .leftoverInput)
  }

  @Test(
    "a damaged stream is refused",
    arguments: [
      [0x4E, 0x6F, 0x74, 0x20, 0x7A, 0x6C, 0x69, 0x62],  // text
      // A stream with a wrong checksum, and one that wants a dictionary.
      Array(deflate(sample(5)).dropLast()) + [0xFF], [0x78, 0xBB, 1, 2, 3, 4, 5, 6],
    ])
  func damaged(stream: [UInt8]) {
    #expect(code { _ = try inflate(stream, toCount: 300) } == .damaged)
  }

  @Test("every error code is produced by a stream")
  func everyCode() {
    let stream = deflate(sample(300))
    let produced = [
      code { _ = try inflate(stream, toCount: 301) }, code { _ = try inflate(stream, toCount: 299) },
      code { _ = try inflate(Array(stream.dropLast()), toCount: 300) },
      code { _ = try inflate(stream + stream, toCount: 300) }, code { _ = try inflate([1, 2, 3], toCount: 300) },
    ]
    #expect(Set(produced.compactMap(\.self)) == Set(ZlibError.Code.allCases))
  }

  private func bytes(hex: String) throws -> [UInt8] {
    let digits = Array(hex.trimmingCharacters(in: .whitespacesAndNewlines))
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
    }
  }
}
