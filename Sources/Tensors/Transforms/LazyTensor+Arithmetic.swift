internal import TensorFerryThreads

extension LazyTensor {
  /// Each element changed by a function of binary64, rounded once to the same type; nothing is read now.
  ///
  /// - Parameters:
  ///   - others: the tensors that `prepare` reads.
  ///   - prepare: makes the function when the first element is read. The function gets the value and the index of the
  ///     element in row-major order.
  /// - Precondition: the type is floating-point.
  package func mapped(
    with others: [LazyTensor] = [],
    _ prepare: @escaping @Sendable () throws -> @Sendable (_ value: Double, _ index: Int) -> Double
  ) throws -> LazyTensor {
    guard let coding = ElementCoding(dtype) else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) is not a floating-point type")
    }
    return try LazyTensor(
      dtype: dtype, shape: shape, content: .reader(MappedRange(self, with: others, coding: coding, prepare: prepare)))
  }

  /// The elements as binary64, in row-major order, all in memory.
  ///
  /// - Throws: ``TensorError`` with code `.unsupportedCast` if the type is not floating-point.
  package func binary64() throws -> [Double] {
    guard let coding = ElementCoding(dtype) else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) is not a floating-point type")
    }
    var values: [Double] = []
    values.reserveCapacity(shape.elementCount)
    try forEachPiece { _, bytes in
      for offset in stride(from: 0, to: bytes.count, by: coding.width) { values.append(coding.load(bytes, at: offset)) }
    }
    return values
  }

  /// The Euclidean norm of the elements with each index of an axis, in binary64.
  package func norms(axis: Int) throws -> [Double] {
    guard let coding = ElementCoding(dtype) else {
      throw TensorError(.unsupportedCast, "\(dtype.rawValue) is not a floating-point type")
    }
    let count = shape[axis]
    let run = shape.dimensions[(axis + 1)...].reduce(1, *)
    var squares = [Double](repeating: 0, count: count)
    try forEachPiece { start, bytes in
      for offset in stride(from: 0, to: bytes.count, by: coding.width) {
        let value = coding.load(bytes, at: offset)
        squares[(start + offset) / coding.width / run % count] += value * value
      }
    }
    return squares.map { $0.squareRoot() }
  }
}

/// Changes elements while they are read. Memory: as much as the range, as the function and its preparation take.
private final class MappedRange: RangeReader {
  private let source: LazyTensor
  private let others: [LazyTensor]
  private let coding: ElementCoding
  private let prepare: @Sendable () throws -> @Sendable (Double, Int) -> Double
  private let prepared = Locked<(@Sendable (Double, Int) -> Double)?>(nil)

  init(
    _ source: LazyTensor, with others: [LazyTensor], coding: ElementCoding,
    prepare: @escaping @Sendable () throws -> @Sendable (Double, Int) -> Double
  ) {
    self.source = source
    self.others = others
    self.coding = coding
    self.prepare = prepare
  }

  var sourceFiles: [SourceFile] { ([source] + others).flatMap(\.sourceFiles) }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let function = try prepared.withLock { prepared in
      if let prepared { return prepared }
      let function = try prepare()
      prepared = function
      return function
    }
    try source.read(range, into: buffer)
    let first = range.lowerBound / coding.width
    for index in 0..<range.count / coding.width {
      let value = coding.load(UnsafeRawBufferPointer(buffer), at: index * coding.width)
      coding.store(function(value, first + index), buffer, at: index * coding.width)
    }
  }
}
