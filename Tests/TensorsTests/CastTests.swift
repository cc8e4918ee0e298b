import Foundation
import TensorFerryTensors
import TensorFerryTestSupport
import Testing

/// The other side of every comparison is what numpy and ml_dtypes computed in the same run.
@Suite struct CastTests {
  /// Runs Python code that saves raw little-endian files `NAME` into `sys.argv[1]`, and returns the contents of some.
  private func files(_ names: [String], _ code: String) throws -> [[UInt8]] {
    try withTemporaryDirectory { directory in
      try python(
        """
        import sys, os, warnings, numpy as np, ml_dtypes
        warnings.simplefilter('ignore')
        def save(name, array): np.ascontiguousarray(array).tofile(os.path.join(sys.argv[1], name))
        rng = np.random.default_rng(7)
        \(code)
        """, [directory.path])
      return try names.map { try [UInt8](Data(contentsOf: directory.appending(path: $0))) }
    }
  }

  private func tensor(_ dtype: DType, _ bytes: [UInt8]) throws -> LazyTensor {
    let count = bytes.count / (dtype.bitWidth / 8)
    return try LazyTensor(dtype: dtype, shape: Shape([count]), content: .memory(bytes))
  }

  @Test(
    "float32 becomes every narrower type as ml_dtypes rounds it: values, midpoints, neighbours, overflow, subnormals",
    arguments: [
      (DType.f16, "np.float16"), (.bf16, "ml_dtypes.bfloat16"), (.f8e4m3, "ml_dtypes.float8_e4m3fn"),
      (.f8e5m2, "ml_dtypes.float8_e5m2"),
    ])
  func narrows(dtype: DType, type: String) throws {
    let contents = try files(
      ["inputs", "expected", "widened"],
      """
      bits = np.dtype(\(type)).itemsize * 8
      values = np.arange(1 << bits, dtype=f'u{bits // 8}').view(\(type)).astype(np.float32)
      values = np.sort(values[np.isfinite(values)])
      middles = ((values[:-1].astype(np.float64) + values[1:]) / 2).astype(np.float32)
      seeds = np.concatenate([values, middles, rng.standard_normal(5000, np.float32) * np.float32(1e-3)])
      inputs = np.concatenate([seeds, np.nextafter(seeds, np.float32(9e38)), np.nextafter(seeds, np.float32(-9e38)),
        np.array([np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45, 447.9, 464, 464.1, 480, 57344, 61440, 61441], np.float32)])
      save('inputs', inputs); save('expected', inputs.astype(\(type)))
      save('widened', inputs.astype(\(type)).astype(np.float32))
      """)
    let narrowed = try tensor(.f32, contents[0]).cast(to: dtype).read()
    #expect(narrowed.bytes.count > 1000)
    #expect(narrowed.bytes == contents[1])
    let widened = try tensor(dtype, contents[1]).cast(to: .f32)
    let comparison = try widened.compared(with: tensor(.f32, contents[2]))
    #expect(comparison.different == 0 && comparison.compared == widened.shape.elementCount)
  }

  @Test("float64 becomes float32 and float16 as numpy rounds it")
  func narrowsDouble() throws {
    let contents = try files(
      ["inputs", "f32", "f16"],
      """
      inputs = np.concatenate([rng.standard_normal(20000) * 10.0 ** rng.integers(-12, 12, 20000), [1e300, -1e-300, np.inf]])
      save('inputs', inputs); save('f32', inputs.astype(np.float32)); save('f16', inputs.astype(np.float16))
      """)
    let inputs = try tensor(.f64, contents[0])
    #expect(try inputs.cast(to: .f32).read().bytes == contents[1])
    #expect(try inputs.cast(to: .f16).read().bytes == contents[2])
  }

  @Test("a float64 just above a midpoint is rounded once, not first to float32 and then down")
  func noDoubleRounding() throws {
    // 1 + 2^-8 lies between the bfloat16 neighbours 1 and 1 + 2^-7; 2^-40 is lost in float32.
    let value = LazyTensor(try Tensor([1 + 0x1p-8 + 0x1p-40] as [Double], shape: [1]))
    #expect(try value.cast(to: .bf16).read().floats() == [1 + 0x1p-7])
  }

  @Test("the loss of a cast is counted, with the largest error and the first element")
  func loss() throws {
    let values = LazyTensor(try Tensor([1, -0.0, .nan, 1.0009765625, 65504, 1e6, 0.1] as [Float], shape: [7]))
    let loss = try values.loss(castingTo: .f16)
    #expect(loss.count == 2 && loss.overflows == 1 && loss.firstIndex == 5)
    #expect(loss.largestError == (Double(Float(0.1)) - Double(HalfPrecision.widen(0x2E66))).magnitude)
    #expect(try values.loss(castingTo: .f64).count == 0)
  }

  @Test("what is not a floating-point type is not cast")
  func refuses() throws {
    let integers = LazyTensor(try Tensor([1] as [Int64], shape: [1]))
    #expect { try integers.cast(to: .f32) } throws: { ($0 as? TensorError)?.code == .unsupportedCast }
    #expect { try integers.loss(castingTo: .f32) } throws: { ($0 as? TensorError)?.code == .unsupportedCast }
  }

  @Test("statistics are numpy's, non-finite elements apart")
  func statistics() throws {
    let contents = try files(
      ["inputs", "expected"],
      """
      inputs = rng.standard_normal(100000).astype(np.float32); inputs[[3, 5, 7]] = [np.nan, np.inf, -np.inf]
      finite = inputs[np.isfinite(inputs)].astype(np.float64)
      save('inputs', inputs); save('expected', np.array([finite.min(), finite.max(), finite.mean(), finite.std()]))
      """)
    let expected = try Tensor(dtype: .f64, shape: [4], bytes: contents[1]).doubles()
    let found = try #require(try tensor(.f32, contents[0]).statistics())
    #expect(found.minimum == expected[0] && found.maximum == expected[1])
    #expect(
      abs((found.mean ?? .nan) - expected[2]) < 1e-12 && abs((found.standardDeviation ?? .nan) - expected[3]) < 1e-12)
    #expect(found.nanCount == 1 && found.infiniteCount == 2)
  }
}

@Suite struct ComparisonTests {
  private func floats(_ values: [Float]) throws -> LazyTensor {
    LazyTensor(try Tensor(values, shape: Shape([values.count])))
  }

  @Test("equal bits, differences, units of the last place and non-finite elements are counted apart")
  func counts() throws {
    let left = try floats([1, 0, .nan, 2, .infinity, 3])
    let right = try floats([1, -0.0, .nan, Float(2).nextUp.nextUp, 5, .nan])
    let result = try left.compared(with: right)
    #expect(result.compared == 6 && result.equalBits == 2 && result.different == 3)
    #expect(result.nonFiniteMismatches == 2 && result.firstDifference == 3)
    #expect(result.maximumDifference == Double(Float(2).nextUp.nextUp - 2))
    // Infinity, which is the next pattern behind the largest number, is the farthest from its partner.
    #expect(result.maximumULPs == UInt64(Float.infinity.bitPattern - Float(5).bitPattern))
  }

  @Test("state dicts are compared by name: missing, shape, dtype, bits, ties, metadata, order")
  func stateDicts() throws {
    var left = StateDict()
    var right = StateDict()
    let zeros = try floats([0, 0])
    for name in ["same", "tied", "onlyLeft", "shape", "dtype", "bits"] {
      try left.append(name, zeros, aliasOf: name == "tied" ? "same" : nil)
    }
    left.metadata = [.init("epoch", .integer(3)), .init("a", .integer(1))]
    try right.append("tied", zeros)
    try right.append("same", zeros)
    try right.append("shape", LazyTensor(Tensor([0, 0] as [Float], shape: [2, 1])))
    try right.append("dtype", LazyTensor(Tensor([0, 0] as [Double], shape: [2])))
    try right.append("bits", floats([0, 1]))
    try right.append("onlyRight", zeros)
    right.metadata = [.init("epoch", .integer(4)), .init("a", .integer(1))]
    let difference = try left.difference(from: right)
    #expect(difference.onlyLeft == ["onlyLeft"] && difference.onlyRight == ["onlyRight"])
    #expect(difference.changes.map(\.name) == ["shape", "dtype", "bits"])
    #expect(difference.changes.map(\.kind) == [.shape, .dtype, .bits])
    #expect(difference.equal == 2 && difference.tiesOnlyLeft == [["same", "tied"]] && difference.tiesOnlyRight == [])
    #expect(difference.metadata == ["epoch"] && difference.orderDiffers && !difference.tensorsAreEqual)
    #expect(try left.difference(from: left).tensorsAreEqual)
  }
}
