internal import TensorFerryTensors

/// What one file will hold: the bytes before the data, and the tensors in the order of their data.
struct SafetensorsLayout {
  /// The data section begins at a multiple of this unless it keeps its source's place, so that a mapped tensor is
  /// aligned for any vector unit.
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
    text += repeatElement(0x20, count: Self.padding(behind: 8 + text.count, tensors, at: offsets))
    guard text.count <= SafetensorsLimits.headerByteCount else {
      throw WeightFileError(
        .unrepresentable,
        "the header takes \(text.count) bytes, the format allows \(SafetensorsLimits.headerByteCount)")
    }
    head = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
    ordered = order.map { tensors[$0].tensor }
  }

  /// How many spaces follow a header that ends at byte `end`: so many that the data section begins at a multiple of
  /// ``alignment``, or, where tensors that lie in a file as they are take 1 MiB or more together, where most of their
  /// bytes have the place modulo 4096 that they have in that file, so that file systems can share them.
  private static func padding(
    behind end: Int, _ tensors: [StateDict.Element], at offsets: [Range<UInt64>]
  ) -> Int {
    var votes: [UInt64: UInt64] = [:]
    for (element, range) in zip(tensors, offsets) {
      guard let source = element.tensor.fileOffset else { continue }
      votes[(source &- range.lowerBound) % RangeCopy.blockByteCount, default: 0] += UInt64(range.count)
    }
    // The format wants 8, below which elements would be misaligned.
    let fit = votes.filter { $0.key % 8 == 0 && $0.value >= 1 << 20 }
    guard let best = fit.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else {
      return (alignment - end % alignment) % alignment
    }
    let block = Int(RangeCopy.blockByteCount)
    return (Int(best.key) + block - end % block) % block
  }

  /// Memory: the header, and one buffer.
  func write(to path: String) throws {
    let output = try OutputFile(creating: path)
    try output.write(head)
    for tensor in ordered { try output.write(tensor) }
    try output.close()
  }
}
