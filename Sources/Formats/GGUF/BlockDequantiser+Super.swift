internal import TensorFerryTensors

/// The blocks of 256 numbers, whose 8 or 16 parts have scales of few bits under one scale of the whole.
extension BlockDequantiser {
  /// Two bits of a number: 32 bytes hold four runs of 32 numbers, the first run in the lowest bits.
  private static func pair(_ block: UnsafeRawBufferPointer, at offset: Int, _ index: Int) -> UInt8 {
    block[offset + index / 128 * 32 + index % 32] >> UInt8(index % 128 / 32 * 2) & 3
  }

  /// Four bits of a number: `run` bytes hold two runs of as many numbers, the first in the lower bits.
  private static func nibble(_ block: UnsafeRawBufferPointer, at offset: Int, _ index: Int, run: Int) -> UInt8 {
    block[offset + index / (2 * run) * run + index % run] >> UInt8(index % (2 * run) / run * 4) & 0x0F
  }

  /// One bit of a number: 32 bytes hold eight runs of 32 numbers, the first in the lowest bits.
  private static func bit(_ block: UnsafeRawBufferPointer, at offset: Int, _ index: Int) -> UInt8 {
    block[offset + index % 32] >> UInt8(index / 32) & 1
  }

  /// A scale and a minimum of six bits each, of the eight that 12 bytes hold.
  private static func scaleAndMinimum(_ block: UnsafeRawBufferPointer, at offset: Int, _ part: Int) -> (Float, Float) {
    let column = offset + part % 4
    let (scales, minima, both) = (block[column], block[column + 4], block[column + 8])
    return part < 4
      ? (Float(scales & 0x3F), Float(minima & 0x3F))
      : (Float(both & 0x0F | scales >> 2 & 0x30), Float(both >> 4 | minima >> 2 & 0x30))
  }

  static let q2k: GGMLType.Dequantiser = { block, output in
    let (scale, minimum) = (half(block, at: 80), half(block, at: 82))
    for part in 0..<16 {
      let factor = scale * Float(block[part] & 0x0F)
      let offset = minimum * Float(block[part] >> 4)
      for index in part * 16..<part * 16 + 16 { output[index] = factor * Float(pair(block, at: 16, index)) - offset }
    }
  }

  static let q3k: GGMLType.Dequantiser = { block, output in
    let scale = half(block, at: 108)
    for part in 0..<16 {
      let low = part < 8 ? block[96 + part] & 0x0F : block[96 + part - 8] >> 4
      let high = block[104 + part % 4] >> UInt8(part / 4 * 2) & 3
      let factor = scale * Float(Int(low | high << 4) - 32)
      for index in part * 16..<part * 16 + 16 {
        // A bit that is set means that nothing is subtracted.
        let value = Int(pair(block, at: 32, index)) - (bit(block, at: 0, index) == 1 ? 0 : 4)
        output[index] = factor * Float(value)
      }
    }
  }

  static let q4k: GGMLType.Dequantiser = { block, output in
    let (scale, minimum) = (half(block, at: 0), half(block, at: 2))
    for part in 0..<8 {
      let (partScale, partMinimum) = scaleAndMinimum(block, at: 4, part)
      let (factor, offset) = (scale * partScale, minimum * partMinimum)
      for index in part * 32..<part * 32 + 32 {
        output[index] = factor * Float(nibble(block, at: 16, index, run: 32)) - offset
      }
    }
  }

  static let q5k: GGMLType.Dequantiser = { block, output in
    let (scale, minimum) = (half(block, at: 0), half(block, at: 2))
    for part in 0..<8 {
      let (partScale, partMinimum) = scaleAndMinimum(block, at: 4, part)
      let (factor, offset) = (scale * partScale, minimum * partMinimum)
      for index in part * 32..<part * 32 + 32 {
        let bits = nibble(block, at: 48, index, run: 32) | bit(block, at: 16, index) << 4
        output[index] = factor * Float(bits) - offset
      }
    }
  }

  static let q6k: GGMLType.Dequantiser = { block, output in
    let scale = half(block, at: 208)
    for part in 0..<16 {
      let factor = scale * Float(Int8(bitPattern: block[192 + part]))
      for index in part * 16..<part * 16 + 16 {
        let bits = nibble(block, at: 0, index, run: 64) | pair(block, at: 128, index) << 4
        output[index] = factor * Float(Int(bits) - 32)
      }
    }
  }
}
