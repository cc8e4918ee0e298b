internal import TensorFerryTensors

/// Which elements of a storage a tensor shows, and how.
///
/// Two tensors with equal views of one storage are the same tensor under two names.
struct PyTorchView: Hashable, Sendable {
  let storage: PyTorchStorageID
  let dtype: DType
  /// In elements, from the start of the whole storage.
  let offset: Int
  let sizes: [Int]
  /// In elements; 0 where the size is 1 or less, because they do not matter there.
  let strides: [Int]
  var isConjugated = false
  var isNegated = false

  /// The bytes of an element of the storage. Two elements of `F4` share one; a dimension counts such pairs.
  private var width: Int { max(1, dtype.bitWidth / 8) }

  var shape: Shape {
    get throws {
      guard dtype == .f4 else { return try Shape(sizes) }
      guard let last = sizes.last else {
        throw WeightFileError(.unsupported, "a scalar of float4_e2m1fn_x2 is two numbers, not one")
      }
      let (doubled, overflow) = last.multipliedReportingOverflow(by: 2)
      return try Shape(sizes.dropLast() + [overflow ? .max : doubled])
    }
  }

  /// The bytes of the storage that it spans; empty for an empty tensor.
  ///
  /// - Throws: ``WeightFileError`` if they do not lie in a storage of `byteCount` bytes.
  func span(in byteCount: Int) throws -> Range<Int> {
    func malformed(_ reason: String) -> WeightFileError { WeightFileError(.malformed, reason) }
    guard sizes.count == strides.count, sizes.count <= PyTorchLimits.rank else {
      throw malformed(
        "there are \(sizes.count) sizes and \(strides.count) strides, at most \(PyTorchLimits.rank) of each are allowed"
      )
    }
    guard offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw malformed("the offset \(offset) or one of the strides \(strides) is negative")
    }
    guard try shape.elementCount > 0 else { return 0..<0 }
    var last = offset
    var overflowed = false
    for (size, stride) in zip(sizes, strides) {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflow2) = last.addingReportingOverflow(step)
      overflowed = overflowed || overflow || overflow2
      last = sum
    }
    guard !overflowed, last < byteCount / width else {
      throw malformed(
        "element \(overflowed ? "2^63" : String(last)) of the storage is shown, it has \(byteCount / width) elements")
    }
    return offset * width..<(last + 1) * width
  }

  /// The tensor; nothing is read.
  func tensor(of storage: PyTorchStorage) throws -> LazyTensor {
    let span = try span(in: storage.bytes.byteCount)
    let shape = try shape
    let byteCount = try dtype.byteCount(of: shape.elementCount)
    guard byteCount <= max(storage.bytes.byteCount, PyTorchLimits.expandedByteCount) else {
      throw WeightFileError(
        .unsupported,
        "\(byteCount) bytes repeat a storage of \(storage.bytes.byteCount), the limit is "
          + "\(PyTorchLimits.expandedByteCount)")
    }
    let isSwapped = storage.isBigEndian && dtype.swapWidth > 1
    let tensor = try LazyTensor(
      dtype: dtype, shape: shape, content: try content(storage, span, isSwapped: isSwapped), checksum: storage.checksum)
    guard isConjugated || isNegated else { return tensor }
    return try LazyTensor(
      dtype: dtype, shape: shape,
      content: .reader(try SignedRange(tensor, isConjugated: isConjugated, isNegated: isNegated)))
  }

  private func content(_ storage: PyTorchStorage, _ span: Range<Int>, isSwapped: Bool) throws -> LazyTensor.Content {
    if span.isEmpty { return .memory([]) }
    let range = try StridedRange(
      storage.bytes, offset: offset, shape: Shape(sizes), strides: strides, width: width,
      swapWidth: isSwapped ? dtype.swapWidth : 1)
    guard range.isPlain, case .file(let file, let start) = storage.bytes.content else { return .reader(range) }
    return .file(file, offset: start + UInt64(span.lowerBound))
  }
}
