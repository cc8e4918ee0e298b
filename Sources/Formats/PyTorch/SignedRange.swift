internal import TensorFerryTensors

/// Changes signs while it reads: PyTorch may store a conjugated or negated tensor as it was, with a mark.
struct SignedRange: RangeReader {
  private let base: LazyTensor
  private let isConjugated: Bool
  private let isNegated: Bool

  /// - Throws: ``WeightFileError`` for marks that PyTorch does not set: conjugated numbers that are not complex,
  ///   negated bools and packed types.
  init(_ base: LazyTensor, isConjugated: Bool, isNegated: Bool) throws {
    let isComplex = base.dtype == .c64 || base.dtype == .c128
    guard isComplex || !isConjugated else {
      throw WeightFileError(.malformed, "elements of \(base.dtype.rawValue) are marked as conjugated, they are real")
    }
    let unsigned: Set<DType> = [.bool, .f4, .f6e2m3, .f6e3m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz]
    guard !isNegated || !unsigned.contains(base.dtype) else {
      throw WeightFileError(.malformed, "elements of \(base.dtype.rawValue) are marked as negated")
    }
    self.base = base
    self.isConjugated = isConjugated
    self.isNegated = isNegated
  }

  var sourceFiles: [SourceFile] { base.sourceFiles }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(range, into: buffer)
    let width = base.dtype.swapWidth
    switch base.dtype {
    case .i8, .u8, .i16, .u16, .i32, .u32, .i64, .u64:
      for start in stride(from: 0, to: buffer.count, by: width) { negate(buffer, from: start, count: width) }
    case .c64, .c128:
      if isNegated { flip(buffer, first: 0, width: width, step: 2 * width) }
      if isNegated != isConjugated { flip(buffer, first: width, width: width, step: 2 * width) }
    default: flip(buffer, first: 0, width: width, step: width)
    }
  }

  /// Flips the highest bit of every `step`th number.
  private func flip(_ buffer: UnsafeMutableRawBufferPointer, first: Int, width: Int, step: Int) {
    for start in stride(from: first, to: buffer.count, by: step) { buffer[start + width - 1] ^= 0x80 }
  }

  /// Two's complement, which wraps around at the smallest number as PyTorch does.
  private func negate(_ buffer: UnsafeMutableRawBufferPointer, from start: Int, count: Int) {
    var carry: UInt16 = 1
    for index in start..<start + count {
      let sum = UInt16(~buffer[index]) + carry
      buffer[index] = UInt8(truncatingIfNeeded: sum)
      carry = sum >> 8
    }
  }
}
