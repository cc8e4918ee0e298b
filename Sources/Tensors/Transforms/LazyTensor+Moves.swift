internal import TensorFerryThreads

extension LazyTensor {
  /// The axes in another order; nothing is read now.
  ///
  /// - Parameter order: axis `i` of the result is axis `order[i]` of this tensor.
  /// - Precondition: `order` names each axis once, and the elements take whole bytes.
  package func permuted(_ order: [Int]) throws -> LazyTensor {
    precondition(order.sorted() == Array(0..<shape.rank))
    if order == Array(0..<shape.rank) { return self }
    let strides = rowMajorStrides
    return try view(Shape(order.map { shape[$0] }), strides: order.map { strides[$0] }, offset: 0)
  }

  /// The indices `range` of an axis; nothing is read now.
  ///
  /// - Precondition: the axis has these indices, and the elements take whole bytes.
  package func sliced(axis: Int, _ range: Range<Int>) throws -> LazyTensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= shape[axis])
    if range.count == shape[axis] { return self }
    var dimensions = shape.dimensions
    dimensions[axis] = range.count
    let strides = rowMajorStrides
    return try view(Shape(dimensions), strides: strides, offset: range.lowerBound * strides[axis])
  }

  /// The same bytes under another shape.
  ///
  /// - Precondition: the shape has as many elements.
  package func reshaped(_ shape: Shape) throws -> LazyTensor {
    precondition(shape.elementCount == self.shape.elementCount)
    return try LazyTensor(dtype: dtype, shape: shape, content: content, encoding: encoding, checksum: checksum)
  }

  /// Tensors behind each other on an axis; nothing is read now.
  ///
  /// - Precondition: there is one at least; they agree in dtype and, beside the axis, in shape.
  package static func concatenated(_ tensors: [LazyTensor], axis: Int) throws -> LazyTensor {
    let first = tensors[0]
    if tensors.count == 1 { return first }
    var dimensions = first.shape.dimensions
    dimensions[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
    return try LazyTensor(
      dtype: first.dtype, shape: Shape(dimensions), content: .reader(ConcatenatedRange(tensors, axis: axis)))
  }

  /// For each axis, how many elements lie between neighbours.
  private var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in (0..<max(0, shape.rank - 1)).reversed() { strides[axis] = strides[axis + 1] * max(1, shape[axis + 1]) }
    return strides
  }

  private func view(_ shape: Shape, strides: [Int], offset: Int) throws -> LazyTensor {
    if shape.elementCount == 0 { return try LazyTensor(dtype: dtype, shape: shape, content: .memory([])) }
    let width = dtype.bitWidth / 8
    let bytes = try LazyTensor(
      dtype: .u8, shape: Shape([byteCount]), content: content, checksum: checksum.map { _ in WholeChecksum(self) })
    let range = try StridedRange(bytes, offset: offset, shape: shape, strides: strides, width: width)
    if range.isPlain, checksum == nil, case .file(let file, let start) = content {
      return try LazyTensor(dtype: dtype, shape: shape, content: .file(file, offset: start + UInt64(offset * width)))
    }
    return try LazyTensor(dtype: dtype, shape: shape, content: .reader(range))
  }
}

/// Has the checksum of a whole tensor compared before the first of its bytes is handed out in another order.
private final class WholeChecksum: ContentChecksum {
  private let tensor: LazyTensor
  private let hasHeld = Locked(false)

  init(_ tensor: LazyTensor) { self.tensor = tensor }

  func observe(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try hasHeld.withLock { hasHeld in
      if hasHeld { return }
      try tensor.forEachPiece { _, _ in }
      hasHeld = true
    }
  }
}

/// Tensors behind each other on an axis, as one row-major range.
///
/// Every index of the axes before it has a run of bytes of each tensor. A range is read with one call for each tensor;
/// memory is as much as the range.
private struct ConcatenatedRange: RangeReader {
  private let parts: [(tensor: LazyTensor, run: Int, start: Int)]
  /// The bytes of one index of the axes before the axis, of all tensors together.
  private let rowByteCount: Int

  init(_ tensors: [LazyTensor], axis: Int) throws {
    var parts: [(tensor: LazyTensor, run: Int, start: Int)] = []
    var start = 0
    for tensor in tensors {
      let run = try tensor.dtype.byteCount(of: Shape(Array(tensor.shape.dimensions[axis...])).elementCount)
      parts.append((tensor, run, start))
      start += run
    }
    self.parts = parts
    rowByteCount = start
  }

  var sourceFiles: [SourceFile] { parts.flatMap(\.tensor.sourceFiles) }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard rowByteCount > 0 else { return }
    let rows = range.lowerBound / rowByteCount...(range.upperBound - 1) / rowByteCount
    for part in parts where part.run > 0 {
      // What of this tensor lies in the range: from the first row's part of it to the last one's.
      func clipped(_ row: Int) -> Range<Int> {
        let origin = row * rowByteCount + part.start
        let lower = min(max(range.lowerBound, origin), origin + part.run)
        let upper = min(max(range.upperBound, origin), origin + part.run)
        return lower - origin..<max(lower, upper) - origin
      }
      let start = rows.lowerBound * part.run + clipped(rows.lowerBound).lowerBound
      let end = rows.upperBound * part.run + clipped(rows.upperBound).upperBound
      guard start < end else { continue }
      if rows.count == 1 {
        let target = rows.lowerBound * rowByteCount + part.start + clipped(rows.lowerBound).lowerBound
        let offset = target - range.lowerBound
        try part.tensor.read(start..<end, into: .init(rebasing: buffer[offset..<offset + end - start]))
        continue
      }
      try withUnsafeTemporaryAllocation(byteCount: end - start, alignment: 16) { bytes in
        try part.tensor.read(start..<end, into: bytes)
        for row in rows {
          let run = clipped(row)
          guard !run.isEmpty else { continue }
          let source = row * part.run + run.lowerBound - start
          let offset = row * rowByteCount + part.start + run.lowerBound - range.lowerBound
          UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + run.count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source..<source + run.count]))
        }
      }
    }
  }
}
