internal import CTensorFerryKernels

/// Turns elements of one floating-point type into elements of another, many at a time.
///
/// Rounds to nearest, ties to even, and once: a float64 goes to less than 32 bits through the float32 that is rounded to
/// odd. NaN stays NaN and keeps its sign. Memory: 16 KiB.
struct FloatConversion: Sendable {
  private typealias Kernel = @Sendable @convention(c) (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void

  /// One kernel, or one to float32 and one from there.
  private let kernels: [Kernel]
  let sourceWidth: Int
  let resultWidth: Int

  /// Nil unless both types are floating-point.
  init?(from source: DType, to result: DType) {
    guard source.isFloatingPoint, result.isFloatingPoint else { return nil }
    sourceWidth = source.bitWidth / 8
    resultWidth = result.bitWidth / 8
    switch (source, result) {
    case _ where source == result: kernels = []
    case (.f64, .f32): kernels = [tensorferry_narrow_float64]
    case (.f64, _): kernels = [tensorferry_narrow_float64_to_odd] + Self.narrowing(to: result)
    default: kernels = Self.widening(source) + Self.narrowing(to: result)
    }
  }

  /// To float32, in no step if it is one.
  private static func widening(_ source: DType) -> [Kernel] {
    switch source {
    case .f16: [tensorferry_widen_float16]
    case .bf16: [tensorferry_widen_bfloat16]
    case .f8e4m3: [tensorferry_widen_float8_e4m3]
    case .f8e5m2: [tensorferry_widen_float8_e5m2]
    default: []
    }
  }

  /// From float32, in no step if it is to be one.
  private static func narrowing(to result: DType) -> [Kernel] {
    switch result {
    case .f64: [tensorferry_widen_float32]
    case .f16: [tensorferry_narrow_float16]
    case .bf16: [tensorferry_narrow_bfloat16]
    case .f8e4m3: [tensorferry_narrow_float8_e4m3]
    case .f8e5m2: [tensorferry_narrow_float8_e5m2]
    default: []
    }
  }

  /// - Precondition: both buffers have room for `count` elements, and do not overlap.
  func callAsFunction(_ source: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer, count: Int) {
    precondition(source.count >= count * sourceWidth && result.count >= count * resultWidth)
    guard count > 0, let from = source.baseAddress, let to = result.baseAddress else { return }
    switch kernels.count {
    case 0: to.copyMemory(from: from, byteCount: count * sourceWidth)
    case 1: kernels[0](from, to, count)
    default:
      // As many as stay in the first-level cache.
      let step = 4096
      withUnsafeTemporaryAllocation(of: Float.self, capacity: min(count, step)) { between in
        for start in stride(from: 0, to: count, by: step) {
          let part = min(step, count - start)
          kernels[0](from + start * sourceWidth, between.baseAddress, part)
          kernels[1](between.baseAddress, to + start * resultWidth, part)
        }
      }
    }
  }
}
