import CTensorFerryKernels
import TensorFerryTensors
import Testing

/// The loops in C against the element-wise rules in Swift, which the tests of casts hold against numpy and ml_dtypes.
@Suite struct KernelTests {
  typealias Kernel = @Sendable @convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void

  struct Narrow: Sendable, CustomTestStringConvertible {
    let dtype: DType
    let widen: Kernel
    let narrow: Kernel
    var testDescription: String { dtype.rawValue }
  }

  static let types = [
    Narrow(dtype: .f16, widen: tensorferry_widen_float16, narrow: tensorferry_narrow_float16),
    Narrow(dtype: .bf16, widen: tensorferry_widen_bfloat16, narrow: tensorferry_narrow_bfloat16),
    Narrow(dtype: .f8e4m3, widen: tensorferry_widen_float8_e4m3, narrow: tensorferry_narrow_float8_e4m3),
    Narrow(dtype: .f8e5m2, widen: tensorferry_widen_float8_e5m2, narrow: tensorferry_narrow_float8_e5m2),
  ]

  /// What a kernel makes of `count` elements, both from an address that is no multiple of anything; what lies around the
  /// result must stay as it is.
  private static func run(_ kernel: Kernel, _ bytes: [UInt8], count: Int, resultWidth: Int) -> [UInt8] {
    let source = [0xEE] + bytes
    var result = [UInt8](repeating: 0xAB, count: count * resultWidth + 2)
    source.withUnsafeBytes { source in
      result.withUnsafeMutableBytes { kernel(source.baseAddress! + 1, $0.baseAddress! + 1, count) }
    }
    #expect(result.first == 0xAB && result.last == 0xAB, "written beside the result")
    return Array(result[1..<result.count - 1])
  }

  private static func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    words.flatMap { word in (0..<Word.bitWidth / 8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }

  private static func words<Word: FixedWidthInteger>(_: Word.Type, _ bytes: [UInt8]) -> [Word] {
    let width = Word.bitWidth / 8
    return (0..<bytes.count / width).map { index in
      (0..<width).reduce(0) { $0 | Word(bytes[index * width + $1]) << ($1 * 8) }
    }
  }

  @Test("every pattern widens to its value", arguments: types)
  func widens(type: Narrow) throws {
    let encoding = try #require(type.dtype.floatEncoding)
    let width = type.dtype.bitWidth / 8
    let patterns = (0..<1 << type.dtype.bitWidth).map { UInt16($0) }
    let source = width == 1 ? patterns.map { UInt8($0) } : Self.bytes(patterns)
    let result = Self.words(
      UInt32.self, Self.run(type.widen, source, count: patterns.count, resultWidth: 4))
    for (pattern, bits) in zip(patterns, result) {
      let (found, expected) = (Float(bitPattern: bits), Float(encoding.decode(UInt64(pattern))))
      let isRight =
        expected.isNaN ? found.isNaN && found.sign == expected.sign : bits == expected.bitPattern
      if !isRight { Issue.record("\(type.dtype.rawValue) \(pattern): \(found) is not \(expected)") }
    }
  }

  /// Every value of the type, the midpoints, what lies beside both, and what is far away.
  private static func boundaries(_ type: Narrow) throws -> [Float] {
    let encoding = try #require(type.dtype.floatEncoding)
    let values = (0..<1 << type.dtype.bitWidth).map { encoding.decode(UInt64($0)) }.filter(\.isFinite).sorted()
    var seeds = values.map { Float($0) }
    seeds += zip(values, values.dropFirst()).map { Float(($0 + $1) / 2) }
    seeds += [Float.greatestFiniteMagnitude, 447.9, 464, 464.1, 480, 57344, 61440, 61441, 65519.996, 65520, 3.3895e38]
    return seeds.flatMap { [$0, $0.nextUp, $0.nextDown] }
      + [.infinity, -.infinity, .nan, -.nan, Float(bitPattern: 0x7F80_0001), .leastNonzeroMagnitude, 0, -0.0, 1e-30]
  }

  @Test("float32 narrows to the nearest, ties to even, at every value, midpoint and neighbour", arguments: types)
  func narrows(type: Narrow) throws {
    let encoding = try #require(type.dtype.floatEncoding)
    let width = type.dtype.bitWidth / 8
    let values = try Self.boundaries(type)
    #expect(values.count > 1000)
    let result = Self.run(
      type.narrow, Self.bytes(values.map(\.bitPattern)), count: values.count, resultWidth: width)
    let patterns = width == 1 ? result.map { UInt16($0) } : Self.words(UInt16.self, result)
    for (value, pattern) in zip(values, patterns) where UInt64(pattern) != encoding.encode(Double(value)) {
      Issue.record("\(type.dtype.rawValue) of \(value): \(pattern) is not \(encoding.encode(Double(value)))")
    }
  }

  @Test("float64 narrows by way of the odd as if rounded once, also just beside a midpoint", arguments: types)
  func narrowsOnce(type: Narrow) throws {
    let encoding = try #require(type.dtype.floatEncoding)
    let width = type.dtype.bitWidth / 8
    let near = try Self.boundaries(type).map { Double($0) }
    let values = near.flatMap { [$0, $0.nextUp, $0.nextDown, $0 * (1 + 0x1p-30)] } + [1e300, -1e300, 1e-300]
    let odd = Self.run(
      tensorferry_narrow_float64_to_odd, Self.bytes(values.map(\.bitPattern)), count: values.count, resultWidth: 4)
    let result = Self.run(type.narrow, odd, count: values.count, resultWidth: width)
    let patterns = width == 1 ? result.map { UInt16($0) } : Self.words(UInt16.self, result)
    for (value, pattern) in zip(values, patterns) where UInt64(pattern) != encoding.encode(value) {
      Issue.record("\(type.dtype.rawValue) of \(value): \(pattern) is not \(encoding.encode(value))")
    }
  }

  @Test("float32 and float64 become each other as the language converts them")
  func wide() {
    var random = SystemRandomNumberGenerator()
    let doubles =
      (0..<5000).map { _ in
        Double(sign: .plus, exponent: .random(in: -160...140, using: &random), significand: .random(in: 1..<2))
      }
      + [0, -0.0, .infinity, .nan, 1e300, 1 + 0x1p-24, 1 + 0x3p-24]
    let narrowed = Self.words(
      UInt32.self,
      Self.run(tensorferry_narrow_float64, Self.bytes(doubles.map(\.bitPattern)), count: doubles.count, resultWidth: 4))
    #expect(narrowed == doubles.map { Float($0).bitPattern })
    let widened = Self.words(
      UInt64.self, Self.run(tensorferry_widen_float32, Self.bytes(narrowed), count: narrowed.count, resultWidth: 8))
    #expect(widened == narrowed.map { Double(Float(bitPattern: $0)).bitPattern })
  }

  @Test("every rest gives the elements of a longer run, and touches nothing behind them", arguments: 0...67)
  func rests(count: Int) throws {
    var random = SystemRandomNumberGenerator()
    let source = (0..<8 * 80).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let kernels: [(Kernel, source: Int, result: Int)] =
      Self.types.flatMap { [($0.widen, $0.dtype.bitWidth / 8, 4), ($0.narrow, 4, $0.dtype.bitWidth / 8)] }
      + [
        (tensorferry_widen_float32, 4, 8), (tensorferry_narrow_float64, 8, 4),
        (tensorferry_narrow_float64_to_odd, 8, 4),
      ]
    for (kernel, sourceWidth, resultWidth) in kernels {
      let all = Self.run(kernel, source, count: 80, resultWidth: resultWidth)
      let part = Self.run(kernel, Array(source.prefix(count * sourceWidth)), count: count, resultWidth: resultWidth)
      #expect(part == Array(all.prefix(count * resultWidth)))
    }
  }

  @Test("unshuffling puts byte k of element i from place k n + i, for every width and rest", arguments: 1...20)
  func unshuffles(width: Int) {
    for byteCount in [0, 1, width - 1, width, 3 * width + 1, 63 * width, 64 * width + width / 2, 131 * width, 1027] {
      let shuffled = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
      let count = byteCount / width
      var expected = shuffled
      for element in 0..<count {
        for byte in 0..<width { expected[element * width + byte] = shuffled[byte * count + element] }
      }
      let kernel = Self.unshuffled(shuffled, width: width)
      #expect(kernel == expected, "\(byteCount) bytes")
    }
  }

  private static func unshuffled(_ bytes: [UInt8], width: Int) -> [UInt8] {
    let source = [0] + bytes
    var result = [UInt8](repeating: 0xAB, count: bytes.count + 2)
    source.withUnsafeBytes { source in
      result.withUnsafeMutableBytes {
        tensorferry_unshuffle(source.baseAddress! + 1, $0.baseAddress! + 1, bytes.count, width)
      }
    }
    #expect(result.first == 0xAB && result.last == 0xAB)
    return Array(result[1..<result.count - 1])
  }
}
