internal import TensorFerryTensors

/// What one file will hold: the bytes before the data, and the tensors in the order of their data.
struct SafetensorsLayout {
  /// The data section begins at a multiple of this, so that a mapped tensor is aligned for any vector unit.
  static let alignment = 64

  private let head: [UInt8]
  private let ordered: [LazyTensor]

  /// - Throws: ``WeightFileError`` with code `.unrepresentable` if sizes or the header exceed their limits.
  init(_ tensors: [StateDict.Element], metadata: [JSONValue.Member]) throws {
    // Larger elements first keeps each tensor at a multiple of its element's size; holes are illegal.
    let order = tensors.indices.sorted {
      (-tensors[$0].tensor.dtype.bitWidth, $0) < (-tensors[$1].tensor.dtype.bitWidth, $1)
    }
    var offsets = [Range<UInt64>](repeating: 0..<0, count: tensors.count)
    var end: UInt64 = 0
    for index in order {
      let (next, overflow) = end.addingReportingOverflow(UInt64(tensors[index].tensor.byteCount))
      guard !overflow else { throw WeightFileError(.unrepresentable, "the tensors take more than 2^64 bytes") }
      offsets[index] = end..<next
      end = next
    }
    var members: [JSONValue.Member] = metadata.isEmpty ? [] : [.init("__metadata__", .object(metadata))]
    for (element, offsets) in zip(tensors, offsets) {
      members.append(
        .init(
          element.name,
          [
            "dtype": .string(element.tensor.dtype.rawValue), "shape": JSONValue(element.tensor.shape),
            "data_offsets": [JSONValue(offsets.lowerBound), JSONValue(offsets.upperBound)],
          ]))
    }
    var text = Array(JSONValue.object(members).text().utf8)
    let rest = (8 + text.count) % Self.alignment
    if rest > 0 { text += repeatElement(0x20, count: Self.alignment - rest) }
    guard text.count <= SafetensorsLimits.headerByteCount else {
      throw WeightFileError(
        .unrepresentable,
        "the header takes \(text.count) bytes, the format allows \(SafetensorsLimits.headerByteCount)")
    }
    head = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
    ordered = order.map { tensors[$0].tensor }
  }

  /// Memory: the header, and one buffer.
  func write(to path: String) throws {
    let output = try OutputFile(creating: path)
    try output.write(head)
    for tensor in ordered { try output.write(tensor) }
    try output.close()
  }
}
