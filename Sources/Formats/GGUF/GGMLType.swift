internal import TensorFerryTensors

/// An element type of GGUF: numbers that stand alone, or blocks of packed bits.
struct GGMLType: Sendable {
  typealias Dequantiser =
    @Sendable (_ block: UnsafeRawBufferPointer, _ output: UnsafeMutableBufferPointer<Float>) -> Void

  let code: UInt32
  let name: String
  let elementsPerBlock: Int
  let bytesPerBlock: Int
  /// The same type among ours; nil for blocks.
  let dtype: DType?
  /// The parts of a block whose bytes a big-endian file reverses; nil where no program has agreed on them.
  let words: [Range<Int>]?
  /// Turns one block into its numbers; nil where that is not built here.
  let dequantise: Dequantiser?

  static func numbers(_ code: UInt32, _ dtype: DType) -> GGMLType {
    let width = dtype.swapWidth
    return GGMLType(
      code: code, name: dtype.rawValue, elementsPerBlock: 1, bytesPerBlock: width, dtype: dtype,
      words: width == 1 ? [] : [0..<width], dequantise: nil)
  }

  static func blocks(
    _ code: UInt32, _ name: String, _ elements: Int, _ bytes: Int, words: [Range<Int>]? = nil,
    _ dequantise: Dequantiser? = nil
  ) -> GGMLType {
    GGMLType(
      code: code, name: name, elementsPerBlock: elements, bytesPerBlock: bytes, dtype: nil, words: words,
      dequantise: dequantise)
  }

  /// Every type of ggml. The sizes are those of its C structures; for `Q8_1`, which no file should hold, gguf-py has
  /// another size.
  static let all: [GGMLType] = [
    numbers(0, .f32),
    numbers(1, .f16),
    blocks(2, "Q4_0", 32, 18, words: [0..<2], BlockDequantiser.q4x0),
    blocks(3, "Q4_1", 32, 20, BlockDequantiser.q4x1),
    blocks(6, "Q5_0", 32, 22, BlockDequantiser.q5x0),
    blocks(7, "Q5_1", 32, 24, BlockDequantiser.q5x1),
    blocks(8, "Q8_0", 32, 34, words: [0..<2], BlockDequantiser.q8x0),
    blocks(9, "Q8_1", 32, 36),
    blocks(10, "Q2_K", 256, 84, BlockDequantiser.q2k),
    blocks(11, "Q3_K", 256, 110, BlockDequantiser.q3k),
    blocks(12, "Q4_K", 256, 144, words: [0..<2, 2..<4], BlockDequantiser.q4k),
    blocks(13, "Q5_K", 256, 176, BlockDequantiser.q5k),
    blocks(14, "Q6_K", 256, 210, words: [208..<210], BlockDequantiser.q6k),
    blocks(15, "Q8_K", 256, 292),
    blocks(16, "IQ2_XXS", 256, 66),
    blocks(17, "IQ2_XS", 256, 74),
    blocks(18, "IQ3_XXS", 256, 98),
    blocks(19, "IQ1_S", 256, 50),
    blocks(20, "IQ4_NL", 32, 18),
    blocks(21, "IQ3_S", 256, 110),
    blocks(22, "IQ2_S", 256, 82),
    blocks(23, "IQ4_XS", 256, 136),
    numbers(24, .i8),
    numbers(25, .i16),
    numbers(26, .i32),
    numbers(27, .i64),
    numbers(28, .f64),
    blocks(29, "IQ1_M", 256, 56),
    numbers(30, .bf16),
    blocks(34, "TQ1_0", 256, 54),
    blocks(35, "TQ2_0", 256, 66),
    blocks(39, "MXFP4", 32, 17, words: []),
    blocks(40, "NVFP4", 64, 36, words: []),
    blocks(41, "Q1_0", 128, 18),
    blocks(42, "Q2_0", 64, 18),
  ]

  /// Types that ggml has withdrawn; their blocks mean something only to old versions of it.
  private static let withdrawn: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
  ]

  private static let byCode = Dictionary(uniqueKeysWithValues: all.map { ($0.code, $0) })

  /// - Throws: ``WeightFileError`` with code `.unsupported` and the name of the type, if it has one.
  static func code(_ code: UInt32, tensor: String, at offset: UInt64) throws -> GGMLType {
    if let type = byCode[code] { return type }
    let reason = withdrawn[code].map { "type \(code) (\($0)) was withdrawn from ggml" } ?? "type \(code) is not known"
    throw WeightFileError(
      .unsupported, reason + "; types up to \(all.map(\.code).max() ?? 0) are", format: GGUFFormat.name, tensor: tensor,
      place: .byte(offset))
  }

  /// The type that holds a tensor as it is, or nil.
  init?(holding tensor: LazyTensor) {
    guard let type = Self.all.first(where: { $0.holds(tensor) }) else { return nil }
    self = type
  }

  private func holds(_ tensor: LazyTensor) -> Bool {
    if let dtype { return dtype == tensor.dtype }
    guard let encoding = tensor.encoding else { return false }
    return encoding.name == name && byteShape(of: encoding.shape) == tensor.shape
  }

  /// The shape of the bytes of a tensor, or nil if its rows do not fill their blocks or it is too large.
  func byteShape(of shape: Shape) -> Shape? {
    guard let row = shape.dimensions.last ?? (elementsPerBlock == 1 ? 1 : nil), row % elementsPerBlock == 0 else {
      return nil
    }
    let (bytes, overflow) = (row / elementsPerBlock).multipliedReportingOverflow(by: bytesPerBlock)
    return overflow ? nil : try? Shape(shape.dimensions.dropLast() + [bytes])
  }

  private init(
    code: UInt32, name: String, elementsPerBlock: Int, bytesPerBlock: Int, dtype: DType?, words: [Range<Int>]?,
    dequantise: Dequantiser?
  ) {
    self.code = code
    self.name = name
    self.elementsPerBlock = elementsPerBlock
    self.bytesPerBlock = bytesPerBlock
    self.dtype = dtype
    self.words = words
    self.dequantise = dequantise
  }
}
