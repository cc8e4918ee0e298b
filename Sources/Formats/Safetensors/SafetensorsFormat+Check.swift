public import TensorFerryTensors

extension SafetensorsFormat {
  /// Alignment, order, types and metadata of a file, or of every shard of a set and its index.
  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] {
    try FormatFinding.collecting { findings in
      findings +=
        try SafetensorsIndex.recognises(file)
        ? try SafetensorsIndex(file).findings() : try SafetensorsHeaderCheck(file).findings
    }
  }
}

extension SafetensorsIndex {
  /// Names that index and shards do not share, a wrong size, and the findings in each shard.
  func findings() throws -> [FormatFinding] {
    var findings: [FormatFinding] = []
    let directory = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
    var byteCount: UInt64 = 0
    for (number, shard) in shards.enumerated() {
      let path = directory + shard
      var found = try FormatFinding.collecting { found in
        let check = try SafetensorsHeaderCheck(try SourceFile(path: path))
        found += check.findings
        byteCount += check.tensorByteCount
        found += difference(check.names, shard: number)
      }
      for index in found.indices { found[index].file = found[index].file ?? path }
      findings += found
    }
    if let size = try statedTotalSize(), size != byteCount {
      findings.append(.init(.warning, "the index has a total_size of \(size), the tensors take \(byteCount) bytes"))
    }
    return findings + strayShards(in: directory)
  }

  private func difference(_ names: [String], shard: Int) -> [FormatFinding] {
    let expected = tensors.filter { $0.shard == shard }.map(\.name)
    let (present, wanted) = (Set(names.map(ExactText.init)), Set(expected.map(ExactText.init)))
    return expected.filter { !present.contains(ExactText($0)) }.map {
      .init(.error, "the index has the tensor in this shard, which does not hold it", tensor: $0)
    }
      + names.filter { !wanted.contains(ExactText($0)) }.map {
        .init(.error, "the index does not have the tensor in this shard", tensor: $0)
      }
  }

  /// Files beside the index that are named as its shards are, and are none of them.
  private func strayShards(in directory: String) -> [FormatFinding] {
    let name = file.path.dropFirst(directory.count)
    let stem = name.dropLast(".safetensors.index.json".count) + "-"
    let known = Set(shards)
    let beside = DirectoryListing.names(in: directory.isEmpty ? "." : directory) ?? []
    return beside.filter { $0.hasPrefix(stem) && $0.hasSuffix(".safetensors") && !known.contains($0) }.map {
      .init(.warning, "the file '\($0)' is named like a shard, the index does not name it")
    }
  }

  private func statedTotalSize() throws -> UInt64? {
    let text = String(decoding: try file.read(at: 0, count: Int(file.byteCount)), as: UTF8.self)
    return try JSONValue(parsing: text)["metadata"]?["total_size"]?.int.flatMap { UInt64(exactly: $0) }
  }
}
