internal import TensorFerryTensors

/// Everything in a GGUF file before its data, read and checked as a whole.
struct GGUFHeader {
  struct Tensor {
    let name: String
    let type: GGMLType
    let shape: Shape
    let byteShape: Shape
    /// The offset in the file of the first byte.
    let offset: UInt64
  }

  let version: UInt32
  let isBigEndian: Bool
  let metadata: [JSONValue.Member]
  let tensors: [Tensor]
  /// Where the data of the last tensor ends with its padding: the size of a file that has nothing behind it.
  let end: UInt64

  /// An integer of the metadata.
  func value(_ key: String) -> Int? { metadata.first { $0.key == key }?.value.int }

  /// - Throws: ``WeightFileError``, before any memory is taken that the file does not have bytes for.
  init(_ file: SourceFile) throws {
    var cursor = GGUFCursor(file)
    (version, isBigEndian) = try Self.version(&cursor)
    cursor.isBigEndian = isBigEndian
    let tensorCount = try cursor.count(of: "tensors", size: 24, limit: GGUFLimits.tensorCount)
    let pairCount = try cursor.count(of: "key-value pairs", size: 13, limit: GGUFLimits.pairCount)
    let alignment: UInt64
    (metadata, alignment) = try GGUFMetadata.read(pairCount, from: &cursor)
    var names: Set<ExactText> = []
    var entries: [Entry] = []
    for _ in 0..<tensorCount {
      let entry = try Entry(&cursor)
      guard names.insert(ExactText(entry.name)).inserted else {
        throw cursor.malformed("the name appears twice", tensor: entry.name, at: entry.place)
      }
      entries.append(entry)
    }
    let dataOffset = (cursor.offset + alignment - 1) / alignment * alignment
    (tensors, end) = try Self.place(entries, from: dataOffset, alignment: alignment, in: file, cursor)
    for entry in entries where isBigEndian && entry.type.words == nil {
      throw WeightFileError(
        .unsupported, "no program has said how \(entry.type.name) blocks are arranged in a big-endian file",
        format: GGUFFormat.name, tensor: entry.name, place: .byte(entry.place))
    }
  }

  /// The magic is `GGUF`, also in many big-endian files, whose version is byte-swapped; some have `FUGG`.
  private static func version(_ cursor: inout GGUFCursor) throws -> (UInt32, isBigEndian: Bool) {
    let magic = try cursor.take(4)
    let raw: UInt32 = try cursor.integer()
    guard GGUFFormat.magics.contains(where: magic.elementsEqual) else {
      throw cursor.malformed("the file does not begin with GGUF", at: 0)
    }
    let isSwapped = magic.first == UInt8(ascii: "F")
    let isBigEndian = isSwapped || raw & 0xFFFF == 0
    let version = isBigEndian ? raw.byteSwapped : raw
    guard version == 2 || version == 3 else {
      throw WeightFileError(
        .unsupported, "version \(version) is not read, versions 2 and 3 are", format: GGUFFormat.name, place: .byte(4))
    }
    return (version, isBigEndian)
  }

  /// Gives every tensor its place. As in ggml, tensors lie one behind the other, each at the next multiple of the
  /// alignment: that leaves no room for overlaps and for bytes that belong to nothing.
  private static func place(
    _ entries: [Entry], from dataOffset: UInt64, alignment: UInt64, in file: SourceFile, _ cursor: GGUFCursor
  ) throws -> ([Tensor], end: UInt64) {
    var offset: UInt64 = 0
    var tensors: [Tensor] = []
    for entry in entries {
      guard entry.offset == offset else {
        throw cursor.malformed(
          "the data begins at offset \(entry.offset), after the tensor before it at \(offset)", tensor: entry.name,
          at: entry.place)
      }
      // No sum overflows: each term was compared with the size of the file, or is below 2^63.
      let begin = dataOffset + offset
      guard begin <= file.byteCount, entry.byteCount <= file.byteCount - begin else {
        throw cursor.malformed(
          "\(entry.byteCount) bytes from byte \(begin) on are needed, the file has \(file.byteCount)",
          tensor: entry.name, at: entry.place)
      }
      tensors.append(
        Tensor(name: entry.name, type: entry.type, shape: entry.shape, byteShape: entry.byteShape, offset: begin))
      offset = (offset + entry.byteCount + alignment - 1) / alignment * alignment
    }
    return (tensors, entries.isEmpty ? cursor.offset : dataOffset + offset)
  }

  /// The description of one tensor as it stands in the file.
  private struct Entry {
    let name: String
    let type: GGMLType
    let shape: Shape
    let byteShape: Shape
    let byteCount: UInt64
    /// From the start of the data.
    let offset: UInt64
    /// Where the description stands.
    let place: UInt64

    init(_ cursor: inout GGUFCursor) throws {
      place = cursor.offset
      name = try cursor.identifier(upTo: GGUFLimits.nameByteCount, "a tensor's name")
      let rank: UInt32 = try cursor.integer()
      guard rank <= GGUFLimits.rank else {
        throw cursor.malformed(
          "there are \(rank) dimensions, the limit is \(GGUFLimits.rank)", tensor: name, at: place)
      }
      var dimensions: [Int] = []
      for _ in 0..<rank {
        let dimension: UInt64 = try cursor.integer()
        guard let dimension = Int(exactly: dimension) else {
          throw cursor.malformed("a dimension is \(dimension), the limit is 2^63 - 1", tensor: name, at: place)
        }
        dimensions.append(dimension)
      }
      let typePlace = cursor.offset
      type = try GGMLType.code(try cursor.integer(), tensor: name, at: typePlace)
      // The fastest dimension comes first in the file.
      dimensions.reverse()
      guard let shape = try? Shape(dimensions) else {
        throw cursor.malformed("the product of the dimensions \(dimensions) exceeds 2^63", tensor: name, at: place)
      }
      guard let byteShape = type.byteShape(of: shape) else {
        throw cursor.malformed(
          "rows of \(shape.dimensions.last ?? 1) numbers do not fill the blocks of \(type.elementsPerBlock) of "
            + "\(type.name), or exceed 2^63 bytes", tensor: name, at: place)
      }
      self.shape = shape
      self.byteShape = byteShape
      byteCount = UInt64(byteShape.elementCount)
      offset = try cursor.integer()
    }
  }
}
