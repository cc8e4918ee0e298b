import Foundation
import TensorFerryFormats
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct RangeCopyTests {
  /// A file whose bytes repeat at no power of two, and what is in it.
  private func source(_ count: Int, in directory: URL) throws -> (SourceFile, [UInt8]) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251 &+ $0 / 65_521) }
    let url = directory.appending(path: "source")
    try Data(bytes).write(to: url)
    return (try SourceFile(path: url.path), bytes)
  }

  private func written(
    _ head: [UInt8], _ tensors: [LazyTensor], _ methods: CopyMethods, in directory: URL
  ) throws -> [UInt8] {
    let url = directory.appending(path: "out-\(methods.rawValue)-\(UInt32.random(in: 0 ... .max))")
    let output = try OutputFile(creating: url.path, methods: methods)
    try head.withUnsafeBytes { try output.write($0) }
    for tensor in tensors { try output.write(tensor) }
    #expect(output.position == UInt64(head.count + tensors.reduce(0) { $0 + $1.byteCount }))
    try output.close()
    return [UInt8](try Data(contentsOf: url))
  }

  private static let rests = [0, 1, 8, 64, 4095]

  @Test(
    "a long range arrives whole, whatever the two offsets and whatever the system is asked to do",
    arguments: rests, rests)
  func places(offset: Int, target: Int) throws {
    try withTemporaryDirectory { directory in
      let (file, bytes) = try source(3 << 20, in: directory)
      let head = [UInt8](repeating: 0xEE, count: target)
      for count in [1 << 17, (1 << 17) + 1, (2 << 20) + 4095] {
        let tensor = try LazyTensor(dtype: .u8, shape: Shape([count]), content: .file(file, offset: UInt64(offset)))
        for methods in [CopyMethods.all, .share, .copy, []] {
          let found = try written(head, [tensor], methods, in: directory)
          #expect(found == head + bytes[offset..<offset + count], "\(count) bytes by \(methods)")
        }
      }
    }
  }

  @Test("neighbours, gaps, steps back, short and long ranges and bytes between them arrive in order")
  func mixture() throws {
    try withTemporaryDirectory { directory in
      let (file, bytes) = try source(2 << 20, in: directory)
      let ranges = [
        0..<100, 100..<101, 101..<300_000, 300_000..<300_007, 400_000..<900_001, 12..<13, 900_001..<900_001,
        900_001..<1_400_000, 5..<200_005, 1_999_999..<2_000_003,
      ]
      var tensors = try ranges.map {
        try LazyTensor(dtype: .u8, shape: Shape([$0.count]), content: .file(file, offset: UInt64($0.lowerBound)))
      }
      var expected = ranges.flatMap { bytes[$0] }
      tensors.append(try LazyTensor(dtype: .u8, shape: [3], content: .memory([7, 8, 9])))
      expected += [7, 8, 9]
      #expect(try written([1, 2], tensors, .all, in: directory) == [1, 2] + expected)
    }
  }

  @Test("a source that shrank is an error that says so")
  func shrunk() throws {
    try withTemporaryDirectory { directory in
      let (file, _) = try source(1 << 20, in: directory)
      let tensor = try LazyTensor(dtype: .u8, shape: [1 << 20], content: .file(file, offset: 0))
      #expect(truncate(file.path, 700_001) == 0)
      let error = #expect(throws: TensorError.self) { _ = try written([], [tensor], .all, in: directory) }
      #expect(error?.code == .truncatedFile && error?.place == .byte(700_001))
    }
  }
}
