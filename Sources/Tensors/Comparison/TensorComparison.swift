/// How far two tensors of the same shape differ.
public struct TensorComparison: Sendable {
  /// Elements whose bytes are the same; 0 if the dtypes differ.
  public var equalBits = 0
  /// Elements that were compared.
  public var compared = 0
  /// Elements whose values differ; NaN equals NaN, 0 equals -0.
  public var different = 0
  /// The largest absolute difference of two finite elements.
  public var maximumDifference: Double = 0
  /// The largest distance in units of the last place, for two tensors of the same floating-point dtype; else nil.
  public var maximumULPs: UInt64?
  /// Elements that are NaN or infinite in one tensor and not the same in the other.
  public var nonFiniteMismatches = 0
  /// The index of the first element whose value differs, in row-major order.
  public var firstDifference: Int?
}

extension LazyTensor {
  /// Compares the values of two tensors, piece by piece; bytes alone where the types have no order here.
  ///
  /// - Throws: ``TensorError`` with code `.sizeMismatch` if the shapes differ, and whatever reading throws.
  public func compared(with other: LazyTensor) throws -> TensorComparison {
    guard shape == other.shape else {
      throw TensorError(.sizeMismatch, "\(shape) and \(other.shape) are not compared element by element")
    }
    var result = TensorComparison()
    let sameType = dtype == other.dtype
    result.maximumULPs = sameType && dtype.isFloatingPoint ? 0 : nil
    guard let mine = ElementLoader(dtype), let theirs = ElementLoader(other.dtype) else {
      guard sameType else {
        throw TensorError(.unsupportedCast, "\(dtype.rawValue) and \(other.dtype.rawValue) have no common values")
      }
      return try comparedByBytes(with: other)
    }
    // Elements per piece, the same on both sides.
    let elements = 1 << 18
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: elements * theirs.width, alignment: 64)
    defer { buffer.deallocate() }
    try forEachPiece(upTo: elements * mine.width) { offset, bytes in
      let first = offset / mine.width
      let count = bytes.count / mine.width
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * theirs.width)])
      try other.read(first * theirs.width..<(first + count) * theirs.width, into: piece)
      result.compared += count
      let right = UnsafeRawBufferPointer(piece)
      for index in 0..<count {
        let (a, b) = (index * mine.width, index * theirs.width)
        if sameType, bytes[a..<a + mine.width].elementsEqual(right[b..<b + mine.width]) {
          result.equalBits += 1
          continue
        }
        result.add(mine(bytes, at: a), theirs(right, at: b), at: first + index)
        if result.maximumULPs != nil, let distance = dtype.ulps(bytes, a, right, b) {
          result.maximumULPs = max(result.maximumULPs ?? 0, distance)
        }
      }
    }
    return result
  }

  private func comparedByBytes(with other: LazyTensor) throws -> TensorComparison {
    var result = TensorComparison()
    let width = max(1, dtype.bitWidth / 8)
    let piece = 1 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 64)
    defer { buffer.deallocate() }
    try forEachPiece(upTo: piece) { offset, bytes in
      let theirs = UnsafeMutableRawBufferPointer(rebasing: buffer[..<bytes.count])
      try other.read(offset..<offset + bytes.count, into: theirs)
      for index in stride(from: 0, to: bytes.count, by: width) {
        let end = min(index + width, bytes.count)
        result.compared += 1
        if bytes[index..<end].elementsEqual(theirs[index..<end]) {
          result.equalBits += 1
        } else {
          result.different += 1
          result.firstDifference = result.firstDifference ?? (offset + index) / width
        }
      }
    }
    return result
  }
}

extension TensorComparison {
  fileprivate mutating func add(_ a: Double, _ b: Double, at index: Int) {
    if a == b || (a.isNaN && b.isNaN) { return }
    different += 1
    firstDifference = firstDifference ?? index
    if a.isFinite, b.isFinite {
      maximumDifference = max(maximumDifference, (a - b).magnitude)
    } else {
      nonFiniteMismatches += 1
    }
  }
}

extension DType {
  /// How many representable numbers lie between two elements, -0 and 0 being one; nil if one is NaN.
  fileprivate func ulps(
    _ left: UnsafeRawBufferPointer, _ a: Int, _ right: UnsafeRawBufferPointer, _ b: Int
  ) -> UInt64? {
    guard let loader = ElementLoader(self), !loader(left, at: a).isNaN, !loader(right, at: b).isNaN else { return nil }
    let width = bitWidth / 8
    func ordered(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int64 {
      var bits: UInt64 = 0
      for index in (0..<width).reversed() { bits = bits << 8 | UInt64(bytes[offset + index]) }
      let sign = UInt64(1) << UInt64(bitWidth - 1)
      return bits & sign == 0 ? Int64(bits) : -Int64(bits & (sign - 1))
    }
    let (x, y) = (ordered(left, a), ordered(right, b))
    return x > y ? UInt64(bitPattern: x &- y) : UInt64(bitPattern: y &- x)
  }
}
