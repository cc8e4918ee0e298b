public import TensorFerryTensors

/// GGUF as ggml and llama.cpp have it: versions 2 and 3, either byte order; writes version 3, little-endian.
///
/// Quantised tensors are carried as they are: their dtype is `BLOCK`, their shape counts bytes, and
/// ``LazyTensor/encoding`` has their type and the shape of their numbers. No other format holds them, and nothing
/// takes them for numbers, unless ``dequantised`` asks for the numbers.
public struct GGUFFormat: WeightFormat {
  public static let name = "gguf"
  public static let extensions = ["gguf"]

  /// GGUF cannot say that two names share their bytes: both are written.
  public static let keepsTies = false

  static let magics = [Array("GGUF".utf8), Array("FUGG".utf8)]

  /// True to read the blocks of `Q4_0`, `Q4_1`, `Q5_0`, `Q5_1`, `Q8_0` and `Q2_K` to `Q6_K` as the `F32` numbers that
  /// ggml computes from them, bit for bit; other blocks stay blocks.
  public let dequantised: Bool

  /// What every tensor's offset is a multiple of, a power of two up to 65,536; nil for the metadata's
  /// `general.alignment`, or 32.
  public let alignment: Int?

  public init(dequantised: Bool = false, alignment: Int? = nil) {
    self.dequantised = dequantised
    self.alignment = alignment
  }

  public func reading(with options: ReadingOptions) -> Self {
    Self(dequantised: dequantised || options.dequantised, alignment: alignment)
  }

  public static func recognises(_ file: SourceFile) throws -> Bool {
    guard file.byteCount >= 4 else { return false }
    return magics.contains(try file.read(at: 0, count: 4))
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    do {
      let header = try GGUFHeader(file)
      let split = try GGUFSplit(file, header)
      let parts = split?.parts ?? [(file, header)]
      var state = StateDict()
      let layout = "version \(header.version), \(header.isBigEndian ? "big-endian" : "little-endian")"
      state.origin = .init(
        path: file.path, format: Self.name, layout: layout + (split == nil ? "" : ", \(parts.count) parts"),
        byteCount: parts.reduce(0) { $0 + $1.file.byteCount })
      state.metadata = split?.metadata ?? header.metadata
      state.others = (split?.others ?? Self.part(header, file)) + parts.flatMap(Self.trailing)
      for part in parts {
        for tensor in part.header.tensors {
          try state.append(
            tensor.name, try lazyTensor(tensor, in: part.file, isBigEndian: part.header.isBigEndian))
        }
      }
      return state
    } catch var error as WeightFileError {
      error.file = error.file ?? file.path
      throw error
    } catch var error as TensorError {
      error.file = error.file ?? file.path
      error.format = Self.name
      throw error
    }
  }

  private func lazyTensor(_ tensor: GGUFHeader.Tensor, in file: SourceFile, isBigEndian: Bool) throws -> LazyTensor {
    let type = tensor.type
    let blocks = GGUFBlocks(
      file: file, offset: tensor.offset, type: type, byteCount: tensor.byteShape.elementCount, isBigEndian: isBigEndian)
    if dequantised, let dequantise = type.dequantise {
      let content = LazyTensor.Content.reader(GGUFDequantised(blocks: blocks, dequantise: dequantise))
      return try LazyTensor(dtype: .f32, shape: tensor.shape, content: content)
    }
    let isPlain = !isBigEndian || type.words?.isEmpty == true
    let content: LazyTensor.Content = isPlain ? .file(file, offset: tensor.offset) : .reader(blocks)
    if let dtype = type.dtype { return try LazyTensor(dtype: dtype, shape: tensor.shape, content: content) }
    let encoding = BlockEncoding(name: type.name, shape: tensor.shape)
    return try LazyTensor(dtype: .block, shape: tensor.byteShape, content: content, encoding: encoding)
  }

  /// Says that a file is a part of a model only.
  private static func part(_ header: GGUFHeader, _ file: SourceFile) -> [StateDict.Other] {
    guard let count = header.value("split.count"), count > 1 else { return [] }
    let number = header.value("split.no") ?? 0
    var reason = "this file is number \(number), counted from 0, of \(count) that make up the model"
    if let paths = GGUFSplit.paths(of: file, header) {
      let missing = paths.filter { (try? SourceFile(path: $0)) == nil }
      reason += "; not beside it: " + missing.prefix(3).joined(separator: ", ") + (missing.count > 3 ? ", ..." : "")
    } else {
      reason += "; the first, if it is named '...-00001-of-...gguf', leads to all"
    }
    return [.init(name: "split.count", kind: "part of a split model", reason: reason)]
  }

  /// Says that a file has bytes that would otherwise go unnoticed.
  private static func trailing(_ file: SourceFile, _ header: GGUFHeader) -> [StateDict.Other] {
    guard file.byteCount > header.end else { return [] }
    let reason = "\(file.byteCount - header.end) bytes follow byte \(header.end), where the last tensor ends"
    return [.init(name: "end of the file", kind: "run of bytes that belong to no tensor", reason: reason)]
  }
}

extension WeightFormat where Self == GGUFFormat {
  /// GGUF as ggml and llama.cpp have it.
  ///
  /// - Parameters:
  ///   - dequantised: true to read quantised blocks as `F32`; see ``GGUFFormat/dequantised``.
  ///   - alignment: of the tensors that are written; see ``GGUFFormat/alignment``.
  public static func gguf(dequantised: Bool = false, alignment: Int? = nil) -> GGUFFormat {
    GGUFFormat(dequantised: dequantised, alignment: alignment)
  }
}
