internal import TensorFerryTensors

/// The bytes of a tensor in the file, little-endian even where the file is big-endian.
struct GGUFBlocks: RangeReader {
  let file: SourceFile
  let offset: UInt64
  let type: GGMLType
  let byteCount: Int
  let isBigEndian: Bool

  var sourceFiles: [SourceFile] { [file] }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard isBigEndian, let words = type.words, !words.isEmpty else {
      return try file.read(at: offset + UInt64(range.lowerBound), into: buffer)
    }
    let size = type.bytesPerBlock
    let start = range.lowerBound / size * size
    let end = min((range.upperBound + size - 1) / size * size, byteCount)
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 16)
    defer { whole.deallocate() }
    try file.read(at: offset + UInt64(start), into: whole)
    for block in stride(from: 0, to: whole.count, by: size) {
      for word in words { whole[block + word.lowerBound..<block + word.upperBound].reverse() }
    }
    let wanted = range.lowerBound - start..<range.upperBound - start
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[wanted]))
  }
}

/// The numbers of a tensor of blocks, as float32; memory is 64 KiB of blocks, whatever the range.
struct GGUFDequantised: RangeReader {
  let blocks: GGUFBlocks
  let dequantise: GGMLType.Dequantiser

  private static let batchByteCount = 1 << 16

  var sourceFiles: [SourceFile] { blocks.sourceFiles }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    let type = blocks.type
    let width = type.elementsPerBlock * 4
    let needed = range.lowerBound / width..<(range.upperBound + width - 1) / width
    let batch = min(needed.count, Self.batchByteCount / type.bytesPerBlock)
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: batch * type.bytesPerBlock, alignment: 16)
    let output = UnsafeMutableBufferPointer<Float>.allocate(capacity: type.elementsPerBlock)
    defer {
      input.deallocate()
      output.deallocate()
    }
    output.initialize(repeating: 0)
    for first in stride(from: needed.lowerBound, to: needed.upperBound, by: batch) {
      let last = min(first + batch, needed.upperBound)
      let bytes = first * type.bytesPerBlock..<last * type.bytesPerBlock
      try blocks.read(bytes, into: UnsafeMutableRawBufferPointer(rebasing: input[..<bytes.count]))
      for block in first..<last {
        let start = (block - first) * type.bytesPerBlock
        dequantise(UnsafeRawBufferPointer(rebasing: input[start..<start + type.bytesPerBlock]), output)
        for (index, value) in output.enumerated() {
          let position = block * width + index * 4
          guard range.contains(position) else { continue }
          let bits = value.bitPattern.littleEndian
          buffer.storeBytes(of: bits, toByteOffset: position - range.lowerBound, as: UInt32.self)
        }
      }
    }
  }
}
