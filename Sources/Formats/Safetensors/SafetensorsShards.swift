internal import TensorFerryTensors
internal import TensorFerryThreads

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Writes a set of shards and their index, named as Hugging Face names them.
///
/// A set cannot be renamed in one step. All files are written beside their paths and verified as a set first; then an
/// old index goes, the shards get their names, and the new index comes last. So a directory holds the old set, the new
/// set, or shards without an index, but never an index over shards of two sets.
struct SafetensorsShards {
  private let directory: String
  private let stem: String
  private let replacing: Bool

  private static let suffix = ".safetensors"
  private static let indexSuffix = ".safetensors.index.json"

  /// - Parameter path: a file, an index or a directory; see ``SafetensorsFormat/save(_:to:replacing:progress:)``.
  init(_ path: String, replacing: Bool) {
    self.replacing = replacing
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      directory = path.hasSuffix("/") ? path : path + "/"
      stem = "model"
      return
    }
    let slash = path.lastIndex(of: "/")
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    directory = slash.map { String(path[...$0]) } ?? ""
    stem =
      [Self.indexSuffix, Self.suffix].first(where: name.hasSuffix).map { String(name.dropLast($0.count)) } ?? name
  }

  private var indexPath: String { directory + stem + Self.indexSuffix }

  /// The index if there is one, else the file that needed none.
  var writtenPath: String { access(indexPath, F_OK) == 0 ? indexPath : directory + stem + Self.suffix }

  func save(
    _ unobserved: StateDict, as format: SafetensorsFormat, shardSize: Int, progress: WriteProgress.Handler?
  ) throws {
    let meter = progress.map { ProgressMeter($0, writing: unobserved, as: SafetensorsFormat.self) }
    let state = meter.map(unobserved.observed) ?? unobserved
    let index = try AtomicFile(path: indexPath, replacing: replacing)
    let metadata = try SafetensorsFormat.representableMetadata(of: state)
    let tensors = state.filter { $0.aliasOf == nil }
    let shards = Self.split(tensors, shardSize: shardSize)
    let old = oldShards()
    let single = try AtomicFile(path: directory + stem + Self.suffix, replacing: replacing)
    guard shards.count > 1 else {
      try format.saveFile(unobserved, to: single.path, replacing: replacing, progress: progress)
      return remove(old + [stem + Self.indexSuffix])
    }
    guard shards.count <= SafetensorsLimits.shardCount else {
      throw WeightFileError(
        .unrepresentable, "there would be \(shards.count) shards, the limit is \(SafetensorsLimits.shardCount)")
    }
    let names = shards.indices.map { "\(stem)-\(Self.number($0 + 1))-of-\(Self.number(shards.count))\(Self.suffix)" }
    let layouts = try shards.map { try SafetensorsLayout($0, metadata: metadata) }
    let files = try names.map { try AtomicFile(path: directory + $0, replacing: replacing) } + [index]
    try index.checkSpace(for: state.storedByteCount(as: SafetensorsFormat.self))
    do {
      try meter?.begin(.write)
      for (layout, file) in zip(layouts, files) { try layout.write(to: file.temporary) }
      try Self.writeIndex(of: tensors, in: shards, names: names, to: index.temporary)
      let temporaries = Dictionary(uniqueKeysWithValues: zip(names, files.map(\.temporary)))
      let written = try SafetensorsIndex(SourceFile(path: index.temporary)).read { temporaries[$0] ?? $0 }
      let flushes = files.map { $0.startFlush() }
      try meter?.begin(.verify)
      try state.checkEqual(written, at: indexPath, as: SafetensorsFormat.self)
      for flush in flushes { try flush.value() }
      try meter?.report()
      if replacing { remove([stem + Self.indexSuffix]) }
      for file in files { try file.commit() }
    } catch {
      for file in files { file.discard() }
      throw error
    }
    // A loader would take what the new set replaces: shards that the old index named, or the one file.
    remove(old.filter { !names.contains($0) } + [stem + Self.suffix])
  }

  /// Deals out the tensors in order. One that is larger than a shard gets its own, and the shard before it stays open.
  static func split(_ tensors: [StateDict.Element], shardSize: Int) -> [[StateDict.Element]] {
    var shards: [[StateDict.Element]] = []
    var current: [StateDict.Element] = []
    var size = 0
    for element in tensors {
      let byteCount = element.tensor.byteCount
      if byteCount > shardSize {
        shards.append([element])
        continue
      }
      if byteCount > shardSize - size {
        shards.append(current)
        current = []
        size = 0
      }
      current.append(element)
      size += byteCount
    }
    return current.isEmpty ? shards : shards + [current]
  }

  private static func number(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// The names are in the order of the state dict, which a tensor with a shard for itself leaves.
  private static func writeIndex(
    of tensors: [StateDict.Element], in shards: [[StateDict.Element]], names: [String], to path: String
  ) throws {
    var files: [ExactText: String] = [:]
    for (shard, name) in zip(shards, names) {
      for element in shard { files[ExactText(element.name)] = name }
    }
    let map = tensors.map { JSONValue.Member($0.name, JSONValue(files[ExactText($0.name)])) }
    let totalSize = tensors.reduce(0) { $0 + $1.tensor.byteCount }
    let index: JSONValue = ["metadata": ["total_size": JSONValue(totalSize)], "weight_map": .object(map)]
    let output = try OutputFile(creating: path)
    try output.write((index.text(pretty: true) + "\n").utf8)
    try output.close()
  }

  /// The shards that an index in the way names, if it is one of ours or of Hugging Face.
  private func oldShards() -> [String] {
    guard let file = try? SourceFile(path: indexPath), let index = try? SafetensorsIndex(file) else { return [] }
    return index.shards.filter { $0.hasPrefix(stem + "-") && $0.hasSuffix(Self.suffix) }
  }

  private func remove(_ names: [String]) {
    for name in names { unlink(directory + name) }
  }
}
