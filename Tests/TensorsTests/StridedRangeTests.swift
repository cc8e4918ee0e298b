import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

@Suite struct StridedRangeTests {
  struct View: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let shape: [Int]
    /// In elements.
    let strides: [Int]
    var offset = 0
    var dtype = DType.f32
    var swapWidth = 1
  }

  static let views: [View] = [
    View(testDescription: "contiguous", shape: [3, 5, 7], strides: [35, 7, 1]),
    View(testDescription: "a slice of rows", shape: [2, 7], strides: [7, 1], offset: 14),
    View(testDescription: "a slice of columns", shape: [9, 3], strides: [7, 1], offset: 2),
    View(testDescription: "every second column", shape: [9, 4], strides: [8, 2], offset: 1),
    View(testDescription: "transposed", shape: [7, 5], strides: [1, 7]),
    View(testDescription: "transposed in the middle", shape: [3, 4, 5, 6], strides: [120, 6, 24, 1]),
    View(testDescription: "channels last", shape: [2, 3, 5, 7], strides: [105, 1, 21, 3], dtype: .f16),
    View(testDescription: "expanded in front", shape: [6, 5], strides: [0, 1], offset: 3),
    View(testDescription: "expanded at the end", shape: [5, 6], strides: [1, 0], dtype: .i64),
    View(testDescription: "expanded from a scalar", shape: [4, 3], strides: [0, 0], offset: 11, dtype: .u8),
    View(testDescription: "overlapping windows", shape: [10, 4], strides: [2, 1], dtype: .c64),
    View(testDescription: "a diagonal", shape: [9], strides: [10]),
    View(testDescription: "axes of length 1 with any stride", shape: [1, 4, 1, 3], strides: [999_999_999, 3, 0, 1]),
    View(testDescription: "a scalar", shape: [], strides: [], offset: 5, dtype: .c128),
    View(testDescription: "big-endian", shape: [4, 3], strides: [3, 1], dtype: .f64, swapWidth: 8),
    View(
      testDescription: "big-endian complex, transposed", shape: [4, 3], strides: [1, 4], dtype: .c64, swapWidth: 4),
    View(testDescription: "large, transposed", shape: [1100, 1300], strides: [1, 1100]),
    View(testDescription: "large, far apart", shape: [3, 600, 2], strides: [700_000, 1100, 1]),
    View(testDescription: "large, a column", shape: [1_000_000], strides: [2], offset: 1),
    View(testDescription: "large, expanded", shape: [1000, 1700], strides: [0, 1], dtype: .u8),
  ]

  @Test("a strided view has numpy's bytes, whole and in pieces", arguments: views)
  func values(view: View) throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "source")
      let expected = directory.appending(path: "expected")
      let width = view.dtype.bitWidth / 8
      try python(
        """
        import numpy as np, sys
        raw = np.random.default_rng(2).integers(0, 256, 13 << 20, dtype='u1')
        raw.tofile(sys.argv[1])
        view = np.lib.stride_tricks.as_strided(raw[\(view.offset * width):].view('V\(width)'), \(view.shape),
            [\(width) * stride for stride in \(view.strides)])
        scalars = np.array(view, copy=True, order='C').reshape(-1).view('u\(view.swapWidth)')
        scalars.astype('>u\(view.swapWidth)').tofile(sys.argv[2]) if \(view.swapWidth) > 1 else scalars.tofile(sys.argv[2])
        """, [source.path, expected.path])
      let file = try SourceFile(path: source.path)
      let bytes = try LazyTensor(dtype: .u8, shape: [13 << 20], content: .file(file, offset: 0))
      let range = try StridedRange(
        bytes, offset: view.offset, shape: Shape(view.shape), strides: view.strides, width: width,
        swapWidth: view.swapWidth)
      let tensor = try LazyTensor(dtype: view.dtype, shape: Shape(view.shape), content: .reader(range))
      let wanted = [UInt8](try Data(contentsOf: expected))
      #expect(try tensor.read().bytes == wanted)
      for limit in [wanted.count / 3 + 1, wanted.count > 10_000 ? wanted.count / 40 + 7 : 11] {
        var pieces: [UInt8] = []
        try tensor.forEachPiece(upTo: limit) { pieces += $1 }
        #expect(pieces == wanted)
      }
    }
  }

  @Test(
    "a view that reaches outside its bytes is refused, however its numbers overflow",
    arguments: [
      (0, [2, 3], [3, 2]), (1, [2, 3], [3, 1]), (-1, [1], [1]), (0, [2], [-1]), (0, [2], [Int.max]),
      (Int.max, [1], [1]), (0, [2, 2], [Int.max / 4, Int.max / 4]), (0, [1 << 40], [1]), (6, [], []),
    ])
  func outside(offset: Int, shape: [Int], strides: [Int]) throws {
    let bytes = LazyTensor(try Tensor(dtype: .u8, shape: [24], bytes: [UInt8](repeating: 1, count: 24)))
    let error = #expect(throws: TensorError.self) {
      try StridedRange(bytes, offset: offset, shape: Shape(shape), strides: strides, width: 4)
    }
    #expect(error?.code == .outOfRange || error?.code == .sizeOverflow)
  }

  @Test("a view without elements needs no bytes, one that fits exactly is read, and plain ones are known")
  func edges() throws {
    let bytes = LazyTensor(try Tensor(dtype: .u8, shape: [24], bytes: Array(0..<24)))
    #expect(throws: Never.self) { try StridedRange(bytes, offset: 99, shape: [0, 3], strides: [7, 7], width: 4) }
    let plain = try StridedRange(bytes, shape: [2, 3], strides: [3, 1], width: 4)
    #expect(plain.isPlain)
    #expect(try !StridedRange(bytes, shape: [2, 3], strides: [1, 2], width: 4).isPlain)
    #expect(try !StridedRange(bytes, shape: [2, 3], strides: [3, 1], width: 4, swapWidth: 4).isPlain)
    #expect(try LazyTensor(dtype: .f32, shape: [2, 3], content: .reader(plain)).read().bytes == Array(0..<24))
  }
}
