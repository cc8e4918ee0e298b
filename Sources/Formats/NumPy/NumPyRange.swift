internal import TensorFerryTensors

/// Reads an array whose bytes are in Fortran order or big-endian, as a row-major little-endian range.
struct NumPyRange: RangeReader {
  let header: NumPyHeader
  let file: SourceFile

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let width = header.dtype.bitWidth / 8
    if !header.isFortranOrder {
      try file.read(at: header.dataOffset + UInt64(range.lowerBound), into: buffer)
    } else {
      try gather(range, width: width, into: buffer)
    }
    if header.isBigEndian { reverseScalars(of: buffer, width: header.dtype.swapWidth) }
  }

  /// Copies elements one by one from the column-major file.
  private func gather(_ range: Range<Int>, width: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let all = try file.read(at: header.dataOffset, count: header.shape.elementCount * width)
    var strides: [Int] = []
    var stride = width
    for dimension in header.shape.dimensions {
      strides.append(stride)
      stride *= dimension
    }
    for byte in range {
      var element = byte / width
      var source = byte % width
      for axis in header.shape.dimensions.indices.reversed() {
        let (quotient, index) = element.quotientAndRemainder(dividingBy: header.shape[axis])
        element = quotient
        source += index * strides[axis]
      }
      buffer[byte - range.lowerBound] = all[source]
    }
  }

  private func reverseScalars(of buffer: UnsafeMutableRawBufferPointer, width: Int) {
    for start in stride(from: 0, to: buffer.count - width + 1, by: width) {
      buffer[start..<start + width].reverse()
    }
  }
}
