public import TensorFerryTensors

/// Files as the safetensors library has them, single or as a set of shards with an index.
///
/// A file is read strictly: what the library refuses is refused, and a repeated key too, of which the library keeps
/// one in silence. All tensors are ranges of the file. Names that `save_model` dropped, because they share the storage
/// of another, come back as aliases.
///
/// What is written has the names in the state dict's order, the data by element size, largest first, from a multiple
/// of 64 bytes on, and the metadata sorted. Metadata that is not text is kept as JSON text.
public struct SafetensorsFormat: WeightFormat {
  public static let name = "safetensors"
  public static let extensions = ["safetensors"]

  /// The largest size of one shard's tensors in bytes when writing; nil writes one file.
  public var shardSize: Int?

  /// - Precondition: `shardSize` is above 0.
  public init(shardSize: Int? = nil) {
    precondition(shardSize.map { $0 > 0 } ?? true, "a shard size must be above 0")
    self.shardSize = shardSize
  }

  public static func recognises(_ file: SourceFile) throws -> Bool {
    if try SafetensorsIndex.recognises(file) { return true }
    guard file.byteCount > 8 else { return false }
    let start = try file.read(at: 0, count: Int(min(file.byteCount, 72)))
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length >= 2, length <= UInt64(SafetensorsLimits.headerByteCount) else { return false }
    return start.dropFirst(8).first { $0 != 0x20 } == UInt8(ascii: "{")
  }

  public func read(_ file: SourceFile) throws -> StateDict {
    try Self.locatingErrors(in: file.path) {
      if try SafetensorsIndex.recognises(file) { return try SafetensorsIndex(file).read() }
      let header = try SafetensorsHeader(file)
      var tensors = StateDict()
      tensors.origin = .init(path: file.path, format: Self.name, layout: nil, byteCount: file.byteCount)
      tensors.reserveCapacity(header.entries.count)
      for entry in header.entries { try tensors.append(entry.name, header.tensor(of: entry, in: file)) }
      return try SafetensorsMetadata(decoding: header.metadata, of: tensors).applied(to: tensors)
    }
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws {
    if shardSize == nil {
      _ = try layout(of: state, path)
    } else {
      // What a header can hold depends on the shards.
      _ = try Self.locatingErrors(in: path) { try Self.representableMetadata(of: state) }
    }
  }

  private func layout(of state: StateDict, _ path: String) throws -> SafetensorsLayout {
    try Self.locatingErrors(in: path) {
      let metadata = try Self.representableMetadata(of: state)
      return try SafetensorsLayout(state.filter { $0.aliasOf == nil }, metadata: metadata)
    }
  }

  public func write(_ state: StateDict, to path: String) throws {
    let layout = try layout(of: state, path)
    try Self.locatingErrors(in: path) { try layout.write(to: path) }
  }

  /// Puts one file at `path`, or, with a shard size that it exceeds, the shards and then their index beside it; see
  /// ``shardSize``.
  ///
  /// `path` may name the file (`model.safetensors`), the index (`model.safetensors.index.json`), or an existing
  /// directory, in which the stem is `model`. Tensors are dealt out greedily in order, as Hugging Face does; a tensor
  /// larger than a shard has one for itself.
  public func save(_ state: StateDict, to path: String, replacing: Bool, progress: WriteProgress.Handler?) throws {
    guard let shardSize else { return try saveFile(state, to: path, replacing: replacing, progress: progress) }
    try Self.locatingErrors(in: path) {
      let shards = SafetensorsShards(path, replacing: replacing)
      try shards.save(state, as: self, shardSize: shardSize, progress: progress)
    }
  }

  /// The index or the single file that ``save(_:to:replacing:progress:)`` put at `path`.
  func writtenPath(for path: String) -> String {
    shardSize == nil ? path : SafetensorsShards(path, replacing: false).writtenPath
  }

  public static func problem(ofName name: String) -> String? {
    if name == "__metadata__" { return "has the name of the metadata" }
    guard name.utf8.count > SafetensorsLimits.nameByteCount else { return nil }
    return "has a name of \(name.utf8.count) bytes, the limit is \(SafetensorsLimits.nameByteCount)"
  }

  /// Calls `body`, and names format and file in an error that names none.
  static func locatingErrors<Result>(in path: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch var error as WeightFileError {
      error.file = error.file ?? path
      error.format = error.format ?? name
      throw error
    } catch var error as TensorError {
      error.file = error.file ?? path
      error.format = error.format ?? name
      throw error
    }
  }
}

extension SafetensorsHeader {
  func tensor(of entry: Entry, in file: SourceFile) throws -> LazyTensor {
    try LazyTensor(
      dtype: entry.dtype, shape: entry.shape, content: .file(file, offset: dataOffset + entry.data.lowerBound))
  }
}

extension WeightFormat where Self == SafetensorsFormat {
  /// Files as the safetensors library has them.
  public static var safetensors: SafetensorsFormat { SafetensorsFormat() }

  /// The same, written as a set of shards of at most `shardSize` bytes each and an index.
  public static func safetensors(shardSize: Int) -> SafetensorsFormat { SafetensorsFormat(shardSize: shardSize) }
}
