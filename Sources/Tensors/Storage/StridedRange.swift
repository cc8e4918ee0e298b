/// Reads a tensor whose elements are spread over other bytes by strides, as a row-major little-endian range.
///
/// It serves arrays in Fortran order, views of PyTorch (transposed, sliced, expanded with stride 0), and big-endian
/// elements. The bytes are read in the order in which they lie, neighbours together; memory is one buffer of 4 MiB and
/// ``ReadAhead``, whatever the size of the tensor.
package struct StridedRange: RangeReader {
  private let bytes: LazyTensor
  private let offset: Int
  private let width: Int
  private let swapWidth: Int
  /// Outermost first; without axes of length 1, and neighbours that are one run are one axis.
  private let axes: [Axis]
  private let byteCount: Int
  private let readAhead = ReadAhead()

  /// The most bytes that are read at once before they are spread.
  private static let blockByteCount = 4 << 20
  /// Reading over a gap of this size costs less than another call.
  private static let gapByteCount = 4096
  private static let longRunByteCount = 1 << 16
  /// Elements whose cache lines are reused before they are lost, when two axes change places.
  private static let tileCount = 256

  /// - Parameters:
  ///   - bytes: what the elements are in: a tensor of bytes (`U8`).
  ///   - offset: the index of the first element, in elements from the start of `bytes`.
  ///   - strides: for each axis, how many elements lie between neighbours; not below 0.
  ///   - width: the size of an element in bytes: 1, 2, 4, 8 or 16.
  ///   - swapWidth: the size of the scalars whose bytes are in reverse order; 1 if none are.
  /// - Throws: ``TensorError`` with code `.outOfRange` if an element lies outside `bytes`, `.sizeOverflow` if its place
  ///   does not fit into 64 bits.
  package init(
    _ bytes: LazyTensor, offset: Int = 0, shape: Shape, strides: [Int], width: Int, swapWidth: Int = 1
  ) throws {
    precondition(bytes.dtype == .u8 && strides.count == shape.rank && [1, 2, 4, 8, 16].contains(width))
    precondition(width % swapWidth == 0)
    func checked(_ result: (Int, Bool)) throws -> Int {
      guard !result.1 else {
        throw TensorError(.sizeOverflow, "shape \(shape) with strides \(strides) from \(offset) on exceeds 2^63 bytes")
      }
      return result.0
    }
    guard offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw TensorError(.outOfRange, "the offset \(offset) or one of the strides \(strides) is negative")
    }
    self.bytes = bytes
    self.width = width
    self.swapWidth = swapWidth
    byteCount = try checked(shape.elementCount.multipliedReportingOverflow(by: width))
    let isEmpty = byteCount == 0
    var merged: [Axis] = []
    self.offset = try checked(offset.multipliedReportingOverflow(by: width))
    var end = try checked(self.offset.addingReportingOverflow(width))
    var outputStride = width
    for (count, stride) in zip(shape.dimensions, strides).reversed() where count > 1 && !isEmpty {
      let axis = Axis(
        count: count, stride: try checked(stride.multipliedReportingOverflow(by: width)), outputStride: outputStride)
      end = try checked(
        end.addingReportingOverflow(try checked(axis.stride.multipliedReportingOverflow(by: count - 1))))
      outputStride = try checked(outputStride.multipliedReportingOverflow(by: count))
      if let inner = merged.last, axis.stride == inner.stride * inner.count {
        merged[merged.count - 1].count = inner.count * count
      } else {
        merged.append(axis)
      }
    }
    axes = merged.reversed()
    guard isEmpty || end <= bytes.byteCount else {
      throw TensorError(
        .outOfRange,
        "shape \(shape) with strides \(strides) from \(offset) on needs \(end) bytes, there are "
          + "\(bytes.byteCount)")
    }
  }

  /// True if the elements stand in the bytes one after the other, as a tensor has them.
  package var isPlain: Bool {
    swapWidth == 1 && (axes.isEmpty || (axes.count == 1 && axes[0].stride == width))
  }

  /// True if what is consecutive in the tensor is in long runs in the bytes as well.
  private var hasLongRuns: Bool {
    guard let inner = axes.last else { return true }
    return inner.stride == width && inner.count * width >= Self.longRunByteCount
  }

  package var sourceFiles: [SourceFile] { bytes.sourceFiles }

  package func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard !range.isEmpty else { return }
    precondition(range.lowerBound % width == 0 && range.upperBound % width == 0)
    if hasLongRuns {
      try gather(range, into: buffer)
    } else {
      try readAhead.read(range, of: byteCount, into: buffer) { try gather($0, into: $1) }
    }
  }

  private func gather(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    try split(range, axis: 0, offset: offset, output: 0) { box in
      try copy(box.axes.sorted { $0.stride > $1.stride }[...], box.offset, buffer, box.output - range.lowerBound)
    }
    swapBytes(of: buffer)
  }

  /// Cuts a range of the output into boxes, of which there are at most two for each axis and one more.
  private func split(
    _ range: Range<Int>, axis: Int, offset: Int, output: Int,
    _ body: ((axes: ArraySlice<Axis>, offset: Int, output: Int)) throws -> Void
  ) throws {
    guard axis < axes.count else { return try body(([], offset, output)) }
    let size = axes[axis].outputStride
    let start = (max(range.lowerBound, output) - output) / size
    let end = (min(range.upperBound, output + size * axes[axis].count) - output + size - 1) / size
    func row(_ index: Int) throws {
      try split(
        range, axis: axis + 1, offset: offset + index * axes[axis].stride, output: output + index * size, body)
    }
    let firstIsWhole = output + start * size >= range.lowerBound
    let lastIsWhole = output + end * size <= range.upperBound
    let whole = (firstIsWhole ? start : start + 1)..<max(firstIsWhole ? start : start + 1, lastIsWhole ? end : end - 1)
    if !firstIsWhole { try row(start) }
    if !whole.isEmpty {
      var box = axes[axis...]
      box[axis].count = whole.count
      try body((box, offset + whole.lowerBound * axes[axis].stride, output + whole.lowerBound * size))
    }
    if !lastIsWhole, firstIsWhole || end - 1 > start { try row(end - 1) }
  }

  /// Copies a box whose axes are sorted by their strides, the longest first: what lies close together in one read.
  private func copy(
    _ box: ArraySlice<Axis>, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer, _ output: Int
  ) throws {
    // From the innermost axis on, take in axes as long as they leave no gap worth a call of its own.
    var span = width
    var inner = box.endIndex
    while inner > box.startIndex {
      let axis = box[inner - 1]
      let wider = span + (axis.count - 1) * axis.stride
      guard axis.stride - span <= Self.gapByteCount, wider <= Self.blockByteCount else { break }
      span = wider
      inner -= 1
    }
    guard inner > box.startIndex else { return try copyBlock(box, span, offset, buffer, output) }
    let axis = box[inner - 1]
    // Part of the next axis may still fit.
    let isDense = axis.stride - span <= Self.gapByteCount
    let step = isDense && axis.stride > 0 ? max(1, (Self.blockByteCount - span) / axis.stride + 1) : 1
    let outer = box[..<(inner - 1)]
    try forEachIndex(outer, offset, output) { offset, output in
      for start in stride(from: 0, to: axis.count, by: step) {
        var part = box[(inner - 1)...]
        part[inner - 1].count = min(step, axis.count - start)
        let span = span + (part[inner - 1].count - 1) * axis.stride
        try copyBlock(part, span, offset + start * axis.stride, buffer, output + start * axis.outputStride)
      }
    }
  }

  private func forEachIndex(
    _ axes: ArraySlice<Axis>, _ offset: Int, _ output: Int, _ body: (_ offset: Int, _ output: Int) throws -> Void
  ) throws {
    guard let axis = axes.first else { return try body(offset, output) }
    for index in 0..<axis.count {
      try forEachIndex(
        axes.dropFirst(), offset + index * axis.stride, output + index * axis.outputStride, body)
    }
  }

  /// Reads `span` bytes at once and spreads them.
  private func copyBlock(
    _ box: ArraySlice<Axis>, _ span: Int, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer, _ output: Int
  ) throws {
    // In the order of the output, and without axes that one run covers.
    let order = box.filter { $0.count > 1 }.sorted { $0.outputStride > $1.outputStride }
    if order.isEmpty || (order.count == 1 && order[0].stride == width && order[0].outputStride == width) {
      return try bytes.read(offset..<offset + span, into: .init(rebasing: buffer[output..<output + span]))
    }
    try withUnsafeTemporaryAllocation(byteCount: span, alignment: 16) { block in
      try bytes.read(offset..<offset + span, into: block)
      spread(order[...], UnsafeRawBufferPointer(block), 0, buffer, output)
    }
  }

  /// Copies a block in memory to the output; its axes are in the order of the output.
  private func spread(
    _ axes: ArraySlice<Axis>, _ block: UnsafeRawBufferPointer, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer,
    _ output: Int
  ) {
    guard let axis = axes.first, let inner = axes.last else { return }
    switch axes.count {
    case 1: copy(inner, block, offset, buffer, output)
    case 2:
      let step = inner.stride == width ? inner.count : Self.tileCount
      for start in stride(from: 0, to: inner.count, by: step) {
        var tile = inner
        tile.count = min(step, inner.count - start)
        let (offset, output) = (offset + start * inner.stride, output + start * inner.outputStride)
        for index in 0..<axis.count {
          copy(tile, block, offset + index * axis.stride, buffer, output + index * axis.outputStride)
        }
      }
    default:
      for index in 0..<axis.count {
        spread(axes.dropFirst(), block, offset + index * axis.stride, buffer, output + index * axis.outputStride)
      }
    }
  }

  private func copy(
    _ axis: Axis, _ block: UnsafeRawBufferPointer, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer, _ output: Int
  ) {
    if axis.stride == width, axis.outputStride == width {
      let count = axis.count * width
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[output..<output + count])
      return target.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[offset..<offset + count]))
    }
    switch width {
    case 1: axis.copy(UInt8.self, block, offset, buffer, output)
    case 2: axis.copy(UInt16.self, block, offset, buffer, output)
    case 4: axis.copy(UInt32.self, block, offset, buffer, output)
    case 8: axis.copy(UInt64.self, block, offset, buffer, output)
    default: axis.copy(SIMD2<UInt64>.self, block, offset, buffer, output)
    }
  }

  private func swapBytes(of buffer: UnsafeMutableRawBufferPointer) {
    switch swapWidth {
    case 2: swap(buffer, UInt16.self)
    case 4: swap(buffer, UInt32.self)
    case 8: swap(buffer, UInt64.self)
    default: break
    }
  }

  private func swap<Word: FixedWidthInteger & BitwiseCopyable>(_ buffer: UnsafeMutableRawBufferPointer, _: Word.Type) {
    for start in stride(from: 0, to: buffer.count, by: MemoryLayout<Word>.size) {
      let word = buffer.loadUnaligned(fromByteOffset: start, as: Word.self)
      buffer.storeBytes(of: word.byteSwapped, toByteOffset: start, as: Word.self)
    }
  }
}

/// One axis: how many indices it has, and how many bytes lie between neighbours on both sides.
private struct Axis {
  var count: Int
  let stride: Int
  let outputStride: Int

  func copy<Element: BitwiseCopyable>(
    _: Element.Type, _ block: UnsafeRawBufferPointer, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer,
    _ output: Int
  ) {
    for index in 0..<count {
      let element = block.loadUnaligned(fromByteOffset: offset + index * stride, as: Element.self)
      buffer.storeBytes(of: element, toByteOffset: output + index * outputStride, as: Element.self)
    }
  }
}
