internal import TensorFerryHDF5Reading
internal import TensorFerryTensors

/// A file `.weights.json`: which groups are in which of the files beside it.
struct KerasIndex {
  private static let byteLimit = 64 << 20
  private static let startByteCount = 65_536
  private static let shardLimit = 10_000

  private let file: SourceFile
  private let metadata: [JSONValue.Member]
  /// The path of each group, and the names of its files.
  private let groups: [(path: String, shards: [String])]

  /// True if the first bytes are an object with a `weight_map` that names files of weights.
  static func recognises(_ file: SourceFile) throws -> Bool {
    let count = Int(min(file.byteCount, UInt64(startByteCount)))
    let first = try file.read(at: 0, count: min(count, 64))
    guard first.first(where: { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }) == UInt8(ascii: "{") else { return false }
    let start = String(decoding: try file.read(at: 0, count: count), as: UTF8.self)
    return start.contains("\"weight_map\"") && start.contains(".weights.h5\"")
  }

  init(_ file: SourceFile) throws {
    self.file = file
    guard file.byteCount <= UInt64(Self.byteLimit) else {
      throw WeightFileError(
        .malformed, "the index has \(file.byteCount) bytes, the limit is \(Self.byteLimit)", place: .byte(0))
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: file.read(at: 0, count: Int(file.byteCount)))
    } catch let error as TensorError where error.code == .invalidJSON {
      throw WeightFileError(.malformed, error.reason, place: error.place, underlying: error)
    }
    guard let map = value["weight_map"]?.members, !map.isEmpty else {
      throw WeightFileError(.malformed, "the index has no 'weight_map' that names a file", place: .byte(0))
    }
    var problems: [String] = []
    var isRefused = false
    groups = map.map { member in
      let values = member.value.array ?? [member.value]
      let shards = values.compactMap(\.string)
      if shards.count != values.count || shards.isEmpty {
        problems.append("'\(member.key.escapedForDisplay)' is in no list of texts")
      }
      for shard in shards where !SafetensorsIndex.isPlainName(shard) {
        isRefused = true
        problems.append(
          "the file '\(String(shard.prefix(256)).escapedForDisplay)' is not a plain name beside the index")
      }
      return (member.key, shards)
    }
    try Self.check(problems, isRefused ? .refused : .malformed)
    // The size follows from the tensors.
    metadata = (value["metadata"]?.members ?? []).filter { $0.key != "total_size" }
  }

  func read(_ format: KerasFormat) throws -> StateDict {
    let directory = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
    var positions: [ExactText: Int] = [:]
    var shards: [String] = []
    for shard in groups.flatMap(\.shards) where positions[ExactText(shard)] == nil {
      positions[ExactText(shard)] = shards.count
      shards.append(shard)
    }
    guard shards.count <= Self.shardLimit else {
      throw WeightFileError(.malformed, "the index names \(shards.count) files, the limit is \(Self.shardLimit)")
    }
    var problems: [String] = []
    var files: [KerasFile] = []
    for shard in shards {
      do {
        let path = directory + shard
        files.append(try KerasFile(describing: path, in: SourceFile(path: path), format))
      } catch let error as any LocatedError {
        problems.append("'\(shard.escapedForDisplay)': \(error.reason)")
      }
    }
    try Self.check(problems, .malformed)
    try Self.check(disagreements(files, shards, positions), .malformed)
    var reading = KerasReading(of: files, keepsTrainingState: format.keepsTrainingState)
    try reading.add(KerasObjects(files, nil).variables())
    reading.state.metadata = metadata
    let byteCount = files.reduce(file.byteCount) { $0 + $1.tensors.file.byteCount }
    return try reading.finish(file, layout: "Keras 3 weights, \(shards.count) shards", byteCount: byteCount)
  }

  /// Variables that are where the index does not have them, or in two files, and groups without any.
  private func disagreements(_ files: [KerasFile], _ shards: [String], _ positions: [ExactText: Int]) -> [String] {
    var expected: [ExactText: Set<Int>] = [:]
    for group in groups { expected[ExactText(group.path)] = Set(group.shards.compactMap { positions[ExactText($0)] }) }
    var problems: [String] = []
    var found: [ExactText: Set<Int>] = [:]
    var owners: [ExactText: Int] = [:]
    for (index, file) in files.enumerated() {
      for link in file.inventory.links {
        guard case .dataset = link.target, let slash = link.path.lastIndex(of: "/") else { continue }
        let place = "'\(link.path.escapedForDisplay)' in '\(shards[index].escapedForDisplay)'"
        if let other = owners.updateValue(index, forKey: ExactText(link.path)) {
          problems.append("\(place) is in '\(shards[other].escapedForDisplay)' too")
        }
        let group = ExactText(String(link.path[..<slash]))
        found[group, default: []].insert(index)
        if expected[group]?.contains(index) != true { problems.append("\(place) is not in the index") }
      }
    }
    for group in groups {
      for index in (expected[ExactText(group.path)] ?? []).subtracting(found[ExactText(group.path)] ?? []).sorted() {
        problems.append("'\(group.path.escapedForDisplay)' is not in '\(shards[index].escapedForDisplay)'")
      }
    }
    return problems
  }

  private static func check(_ problems: [String], _ code: WeightFileError.Code) throws {
    guard !problems.isEmpty else { return }
    let more = problems.count > 8 ? "; and \(problems.count - 8) more" : ""
    throw WeightFileError(code, problems.prefix(8).joined(separator: "; ") + more)
  }
}
