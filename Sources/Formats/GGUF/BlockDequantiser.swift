internal import TensorFerryTensors

/// Turns the blocks of 32 numbers into float32, with the operations of ggml's reference in its order, so that the
/// results agree with it in every bit.
enum BlockDequantiser {
  /// A scale or a minimum, which is a binary16.
  static func half(_ block: UnsafeRawBufferPointer, at offset: Int) -> Float {
    HalfPrecision.widen(UInt16(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }

  /// The lower four bits of the first 16 numbers and the upper four bits of the others stand in the same bytes.
  private static func nibble(_ block: UnsafeRawBufferPointer, at offset: Int, _ index: Int) -> UInt8 {
    index < 16 ? block[offset + index] & 0x0F : block[offset + index - 16] >> 4
  }

  /// The fifth bit of a number, from the 32 bits at an offset.
  private static func fifthBit(_ block: UnsafeRawBufferPointer, at offset: Int, _ index: Int) -> UInt8 {
    (block[offset + index / 8] >> UInt8(index % 8) & 1) << 4
  }

  static let q4x0: GGMLType.Dequantiser = { block, output in
    let scale = half(block, at: 0)
    for index in 0..<32 { output[index] = scale * Float(Int(nibble(block, at: 2, index)) - 8) }
  }

  static let q4x1: GGMLType.Dequantiser = { block, output in
    let (scale, minimum) = (half(block, at: 0), half(block, at: 2))
    for index in 0..<32 { output[index] = scale * Float(nibble(block, at: 4, index)) + minimum }
  }

  static let q5x0: GGMLType.Dequantiser = { block, output in
    let scale = half(block, at: 0)
    for index in 0..<32 {
      let bits = nibble(block, at: 6, index) | fifthBit(block, at: 2, index)
      output[index] = scale * Float(Int(bits) - 16)
    }
  }

  static let q5x1: GGMLType.Dequantiser = { block, output in
    let (scale, minimum) = (half(block, at: 0), half(block, at: 2))
    for index in 0..<32 {
      let bits = nibble(block, at: 8, index) | fifthBit(block, at: 4, index)
      output[index] = scale * Float(bits) + minimum
    }
  }

  static let q8x0: GGMLType.Dequantiser = { block, output in
    let scale = half(block, at: 0)
    for index in 0..<32 { output[index] = Float(Int8(bitPattern: block[2 + index])) * scale }
  }
}
