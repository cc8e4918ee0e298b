import Foundation
import TensorFerryTestSupport
import TensorFerryZlib
import Testing

@Suite struct InflateStreamTests {
  /// What Python deflates, without a container, and what it was.
  private func deflated() throws -> (input: [UInt8], output: [UInt8]) {
    let text = try python(
      """
      import base64, random, zlib
      data = bytes(random.Random(4).choices(range(7), k=5000))
      stream = zlib.compressobj(wbits=-15)
      print(base64.b64encode(stream.compress(data) + stream.flush()).decode(), base64.b64encode(data).decode())
      """)
    let parts = text.split(whereSeparator: \.isWhitespace).compactMap { Data(base64Encoded: String($0)) }
    return ([UInt8](parts[0]), [UInt8](parts[1]))
  }

  @Test(
    "a stream that comes in pieces of any size gives what Python deflated", arguments: [1, 13, 100_000], [1, 7, 9000])
  func pieces(inputCount: Int, outputCount: Int) throws {
    let (input, expected) = try deflated()
    let stream = InflateStream(container: .raw)
    var rest = input[...]
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: outputCount)
    while !stream.isAtEnd {
      let piece = Array(rest.prefix(inputCount))
      let (consumed, produced) = try piece.withUnsafeBytes { piece in
        try buffer.withUnsafeMutableBytes { try stream.inflate(piece, into: $0) }
      }
      try #require(consumed + produced > 0, "no progress")
      rest = rest.dropFirst(consumed)
      result += buffer[..<produced]
    }
    #expect(rest.isEmpty)
    #expect(result == expected)
  }

  @Test("bytes that are no stream are an error")
  func damaged() throws {
    let stream = InflateStream(container: .raw)
    var buffer = [UInt8](repeating: 0, count: 10)
    let error = #expect(throws: ZlibError.self) {
      try [UInt8](repeating: 0xFF, count: 20).withUnsafeBytes { input in
        _ = try buffer.withUnsafeMutableBytes { try stream.inflate(input, into: $0) }
      }
    }
    #expect(error?.code == .damaged)
  }
}
