/// What a cast between floating-point types would lose.
public struct CastLoss: Hashable, Sendable {
  /// How many elements change their value.
  public var count = 0
  /// The largest change of a finite element that stays finite.
  public var largestError: Double = 0
  /// How many finite elements become infinite or NaN.
  public var overflows = 0
  /// The index of the first element that changes, in row-major order.
  public var firstIndex: Int?
}

/// What casts of several tensors would lose.
public struct CastLosses: Hashable, Sendable {
  /// How many tensors change.
  public private(set) var tensors = 0
  public private(set) var total = CastLoss()
  /// The first tensor that changes.
  public private(set) var first: String?

  public init() {}

  /// Counts what a cast of one tensor would lose. Reads it, piece by piece.
  public mutating func add(_ name: String, _ tensor: LazyTensor, castTo dtype: DType) throws {
    let loss = try tensor.loss(castingTo: dtype)
    guard loss.count > 0 else { return }
    tensors += 1
    total.count += loss.count
    total.largestError = max(total.largestError, loss.largestError)
    total.overflows += loss.overflows
    first = first ?? name
  }

  /// The numbers in a sentence.
  public var summary: String {
    "the cast changes \(total.count) elements of \(tensors) tensors, by at most \(total.largestError); "
      + "\(total.overflows) overflow"
  }
}

extension LazyTensor {
  /// The same values as another floating-point type, converted while they are read; nothing is read now.
  ///
  /// Rounds to nearest, ties to even. Memory: one buffer of the size of the range that is read.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` unless both types are of `F64`, `F32`, `F16`, `BF16`,
  ///   `F8_E4M3`, `F8_E5M2`.
  public func cast(to target: DType) throws -> LazyTensor {
    if target == dtype { return self }
    let reader = CastReader(source: self, convert: try conversion(to: target))
    return try LazyTensor(dtype: target, shape: shape, content: .reader(reader))
  }

  private func conversion(to target: DType) throws -> FloatConversion {
    guard let conversion = FloatConversion(from: dtype, to: target) else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) is not cast to \(target.rawValue)")
    }
    return conversion
  }

  /// Counts what a cast would lose. Reads the whole tensor, piece by piece.
  ///
  /// NaN that stays NaN is no loss; -0 that stays -0 is none.
  public func loss(castingTo target: DType) throws -> CastLoss {
    var loss = CastLoss()
    guard target != dtype else { return loss }
    let convert = try conversion(to: target)
    guard let before = ElementCoding(dtype), let after = ElementCoding(target) else { return loss }
    var index = 0
    try forEachPiece { _, bytes in
      let count = bytes.count / convert.sourceWidth
      withPieceBuffer(byteCount: count * convert.resultWidth) { results in
        convert(bytes, into: results, count: count)
        for position in 0..<count {
          let value = before.load(bytes, at: position * convert.sourceWidth)
          let result = after.load(UnsafeRawBufferPointer(results), at: position * convert.resultWidth)
          if result == value || (result.isNaN && value.isNaN) { continue }
          loss.count += 1
          if loss.firstIndex == nil { loss.firstIndex = index + position }
          if result.isFinite {
            loss.largestError = max(loss.largestError, (result - value).magnitude)
          } else {
            loss.overflows += 1
          }
        }
      }
      index += count
    }
    return loss
  }
}

private struct CastReader: RangeReader {
  let source: LazyTensor
  let convert: FloatConversion

  var sourceFiles: [SourceFile] { source.sourceFiles }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let elements = range.lowerBound / convert.resultWidth..<range.upperBound / convert.resultWidth
    let bytes = elements.lowerBound * convert.sourceWidth..<elements.upperBound * convert.sourceWidth
    try withPieceBuffer(byteCount: bytes.count) { piece in
      try source.read(bytes, into: piece)
      convert(UnsafeRawBufferPointer(piece), into: buffer, count: elements.count)
    }
  }
}
