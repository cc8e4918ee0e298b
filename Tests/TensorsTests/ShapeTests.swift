import TensorFerryTensors
import Testing

@Suite struct ShapeTests {
  @Test("a scalar has one element, an empty dimension none")
  func counts() throws {
    #expect(Shape.scalar.elementCount == 1)
    #expect(try Shape([3, 0, 5]).elementCount == 0)
    #expect(try Shape([3, 4, 5]).elementCount == 60)
  }

  @Test(
    "a product that overflows is refused, even beside a dimension of 0",
    arguments: [[Int.max, 2], [0, Int.max, 2], [1 << 32, 1 << 31]])
  func overflow(dimensions: [Int]) {
    #expect { try Shape(dimensions) } throws: { ($0 as? TensorError)?.code == .sizeOverflow }
  }

  @Test("a negative dimension is refused")
  func negative() {
    #expect { try Shape([3, -1]) } throws: { ($0 as? TensorError)?.code == .negativeDimension }
  }

  @Test("axes of length 1 do not count when shapes are compared squeezed")
  func squeezed() {
    let shape: Shape = [2, 1, 3, 1]
    #expect(shape.squeezed == [2, 3])
  }
}

@Suite struct DTypeTests {
  @Test("a size in bits that overflows is refused")
  func overflow() {
    #expect { try DType.f64.byteCount(of: 1 << 60) } throws: { ($0 as? TensorError)?.code == .sizeOverflow }
  }

  @Test("packed types fill whole bytes", arguments: [(DType.f4, 3), (.f6e2m3, 3), (.f6e3m2, 6)])
  func partialByte(dtype: DType, count: Int) {
    #expect { try dtype.byteCount(of: count) } throws: { ($0 as? TensorError)?.code == .partialByte }
  }

  @Test(
    "sizes per element are those of safetensors",
    arguments: [(DType.f4, 2, 1), (.f6e3m2, 4, 3), (.bool, 3, 3), (.bf16, 3, 6), (.c64, 3, 24), (.c128, 1, 16)])
  func sizes(dtype: DType, count: Int, bytes: Int) throws {
    #expect(try dtype.byteCount(of: count) == bytes)
  }
}
