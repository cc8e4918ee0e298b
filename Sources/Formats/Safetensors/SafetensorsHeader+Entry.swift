internal import TensorFerryTensors

extension SafetensorsHeader.Entry {
  /// Reads the object behind a tensor's name: `dtype`, `shape` and `data_offsets`, each once; other fields are legal
  /// and not read.
  init(_ name: String, _ scanner: inout JSONScanner, _ place: Place) throws {
    var dtype: String?
    var dimensions: [UInt64]?
    var offsets: [UInt64]?
    func failure(_ reason: String) -> WeightFileError {
      SafetensorsHeader.malformed(reason, tensor: name, place)
    }
    do {
      try scanner.object { scanner, key in
        switch key {
        case "dtype" where dtype == nil: dtype = try scanner.string()
        case "shape" where dimensions == nil:
          dimensions = try Self.integers(&scanner, atMost: SafetensorsLimits.rank)
        case "data_offsets" where offsets == nil: offsets = try Self.integers(&scanner, atMost: 2)
        case "dtype", "shape", "data_offsets": throw failure("the field '\(key)' appears twice")
        default: try scanner.skipValue()
        }
      }
    } catch var error as TensorError {
      error.tensor = name
      throw error
    }
    guard let dtype, let dimensions, let offsets else {
      throw failure("the fields dtype, shape and data_offsets are needed, one is missing")
    }
    guard let type = DType(rawValue: dtype), type.isInSafetensors else {
      throw WeightFileError(
        .unsupported, "the element type '\(String(dtype.prefix(64)).escapedForDisplay)' is not one of the 22 known",
        format: SafetensorsFormat.name, tensor: name, place: place)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw failure("data_offsets are \(offsets), a beginning and an end are needed")
    }
    let byteCount: Int
    do {
      shape = try Shape(
        dimensions.map { dimension in
          guard let dimension = Int(exactly: dimension) else {
            throw TensorError(.sizeOverflow, "dimension \(dimension) exceeds 2^63 - 1")
          }
          return dimension
        })
      byteCount = try type.byteCount(of: shape.elementCount)
    } catch let error as TensorError {
      throw WeightFileError(
        .malformed, error.reason, format: SafetensorsFormat.name, tensor: name, place: place, underlying: error)
    }
    guard offsets[1] - offsets[0] == UInt64(byteCount) else {
      throw failure(
        "\(dtype) \(shape) takes \(byteCount) bytes, data_offsets \(offsets) give \(offsets[1] - offsets[0])")
    }
    self.name = name
    self.dtype = type
    self.place = place
    data = offsets[0]..<offsets[1]
  }

  private static func integers(_ scanner: inout JSONScanner, atMost limit: Int) throws -> [UInt64] {
    var values: [UInt64] = []
    values.reserveCapacity(4)
    try scanner.array { scanner in
      guard values.count < limit else { throw scanner.error("the list has more than \(limit) numbers") }
      values.append(try scanner.unsignedInteger())
    }
    return values
  }
}

extension DType {
  /// True for the 22 types that a safetensors file can hold.
  var isInSafetensors: Bool { self != .c128 && self != .block }
}
