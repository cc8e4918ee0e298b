internal import TensorFerryTensors

/// The file `*.safetensors.index.json`: which tensor is in which of the files beside it.
struct SafetensorsIndex {
  let file: SourceFile
  /// The names in the index's order, each with the position of its shard in ``shards``.
  private(set) var tensors: [(name: String, shard: Int)] = []
  /// The names of the files, in order of appearance; each is a plain name.
  private(set) var shards: [String] = []
  private(set) var metadata: [JSONValue.Member] = []

  /// True if the first bytes are an object with a `weight_map` that names safetensors files.
  static func recognises(_ file: SourceFile) throws -> Bool {
    let count = Int(min(file.byteCount, UInt64(SafetensorsLimits.indexStartByteCount)))
    let first = try file.read(at: 0, count: min(count, 64))
    guard first.first(where: { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }) == UInt8(ascii: "{") else { return false }
    let start = String(decoding: try file.read(at: 0, count: count), as: UTF8.self)
    return start.contains("\"weight_map\"") && start.contains(".safetensors\"")
  }

  init(_ file: SourceFile) throws {
    self.file = file
    guard file.byteCount <= UInt64(SafetensorsLimits.headerByteCount) else {
      throw SafetensorsHeader.malformed(
        "the index has \(file.byteCount) bytes, the limit is \(SafetensorsLimits.headerByteCount)", .byte(0))
    }
    var scanner = JSONScanner(try file.read(at: 0, count: Int(file.byteCount)))
    do {
      try scan(&scanner)
      try scanner.end()
    } catch let error as TensorError {
      throw WeightFileError(
        .malformed, error.reason, format: SafetensorsFormat.name, tensor: error.tensor, place: error.place,
        underlying: error)
    }
  }

  private mutating func scan(_ scanner: inout JSONScanner) throws {
    var keys: Set<ExactText> = []
    var map: (tensors: [(String, Int)], shards: [String])?
    var metadata: [JSONValue.Member] = []
    try scanner.object { scanner, key in
      switch key {
      case "weight_map":
        try scanner.insert(key, into: &keys)
        map = try Self.weightMap(&scanner)
      case "metadata":
        try scanner.insert(key, into: &keys)
        metadata = try Self.metadata(&scanner)
      default: try scanner.skipValue()
      }
    }
    guard let map, !map.shards.isEmpty else {
      throw SafetensorsHeader.malformed("the index has no 'weight_map' that names a file", .byte(0))
    }
    tensors = map.tensors
    shards = map.shards
    self.metadata = metadata
  }

  private static func weightMap(_ scanner: inout JSONScanner) throws -> (tensors: [(String, Int)], shards: [String]) {
    var names: Set<ExactText> = []
    var tensors: [(String, Int)] = []
    var shards: [String] = []
    var positions: [ExactText: Int] = [:]
    try scanner.object { scanner, name in
      try scanner.insert(name, into: &names)
      guard tensors.count < SafetensorsLimits.tensorCount else {
        throw scanner.error("there are more than \(SafetensorsLimits.tensorCount) tensors", at: scanner.start)
      }
      let shard = try scanner.string()
      if let position = positions[ExactText(shard)] {
        tensors.append((name, position))
        return
      }
      guard isPlainName(shard) else {
        throw WeightFileError(
          .refused, "the file '\(String(shard.prefix(256)).escapedForDisplay)' is not a plain name beside the index",
          format: SafetensorsFormat.name, tensor: name, place: .byte(UInt64(scanner.start)))
      }
      guard shards.count < SafetensorsLimits.shardCount else {
        throw scanner.error("there are more than \(SafetensorsLimits.shardCount) files", at: scanner.start)
      }
      positions[ExactText(shard)] = shards.count
      tensors.append((name, shards.count))
      shards.append(shard)
    }
    return (tensors, shards)
  }

  /// True for the name of a file in the same directory, on any system.
  static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && name.utf8.count <= 255
      && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && ![0x2F, 0x5C, 0x3A].contains($0) }
  }

  /// What stands beside `total_size`, which is not kept because it follows from the tensors.
  private static func metadata(_ scanner: inout JSONScanner) throws -> [JSONValue.Member] {
    let start = scanner.position
    try scanner.skipValue()
    guard scanner.position - start <= SafetensorsLimits.metadataByteCount else {
      throw scanner.error(
        "the metadata has \(scanner.position - start) bytes, the limit is \(SafetensorsLimits.metadataByteCount)",
        at: start)
    }
    scanner.position = start
    return (try scanner.value().members ?? []).filter { $0.key != "total_size" }
  }
}
