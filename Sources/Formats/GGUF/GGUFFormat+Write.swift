public import TensorFerryTensors

extension GGUFFormat {
  public func losses(of state: StateDict) -> [String] {
    let ties = state.sharedNames.map { group in
      group.map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ") + " share their bytes; each gets its own copy"
    }
    let long = state.names.filter { $0.utf8.count == GGUFLimits.nameByteCount }.map {
      "the name '\($0.escapedForDisplay)' has 64 bytes, which GGUF allows, but ggml itself opens names of at most 63"
    }
    return ties + long
  }

  public func checkRepresentable(_ state: StateDict, at path: String) throws { _ = try plan(state, path) }

  public func write(_ state: StateDict, to path: String) throws {
    let metadata = GGUFMetadata.encode(state.metadata, alignment: alignment)
    let infos = try plan(state, path)
    let output = try OutputFile(creating: path)
    try output.write(Self.magics[0])
    try output.write(UInt32(3))
    try output.write(UInt64(state.count))
    try output.write(metadata.count)
    try output.write(metadata.encoder.bytes)
    try output.write(infos.bytes)
    try output.pad(to: metadata.alignment)
    for element in state {
      try output.write(element.tensor)
      try output.pad(to: metadata.alignment)
    }
    try output.close()
  }

  /// The descriptions of the tensors.
  private func plan(_ state: StateDict, _ path: String) throws -> GGUFEncoder {
    let metadata = GGUFMetadata.encode(state.metadata, alignment: alignment)
    var problems = metadata.problems
    var infos = GGUFEncoder()
    var offset: UInt64 = 0
    for element in state {
      let type = GGMLType(holding: element.tensor)
      problems += self.problems(of: element, type).map { "'\(element.name.escapedForDisplay)' \($0)" }
      guard problems.isEmpty, let type else { continue }
      infos.write(element.name.utf8)
      let dimensions = (element.tensor.encoding?.shape ?? element.tensor.shape).dimensions
      infos.write(UInt32(dimensions.count))
      for dimension in dimensions.reversed() { infos.write(UInt64(dimension)) }
      infos.write(type.code)
      infos.write(offset)
      offset =
        (offset + UInt64(element.tensor.byteCount) + metadata.alignment - 1) / metadata.alignment * metadata.alignment
    }
    guard problems.isEmpty else {
      throw WeightFileError(.unrepresentable, problems.joined(separator: "; "), file: path, format: Self.name)
    }
    return infos
  }

  public static func problem(ofName name: String) -> String? {
    let count = name.utf8.count
    if count > GGUFLimits.nameByteCount {
      return "has a name of \(count) bytes, GGUF allows \(GGUFLimits.nameByteCount)"
    }
    return name.utf8.contains(0) ? "has a NUL in its name" : nil
  }

  /// Why GGUF cannot hold a tensor.
  private func problems(of element: StateDict.Element, _ type: GGMLType?) -> [String] {
    var problems: [String] = []
    if let problem = Self.problem(ofName: element.name) { problems.append(problem) }
    let rank = (element.tensor.encoding?.shape ?? element.tensor.shape).rank
    if rank > GGUFLimits.rank { problems.append("has \(rank) dimensions, GGUF allows \(GGUFLimits.rank)") }
    if type == nil {
      problems.append("is \(element.tensor.typeName), which GGUF lacks")
    } else if dequantised, type?.dequantise != nil {
      problems.append("has blocks of \(type?.name ?? ""), which cannot be written by a format that dequantises them")
    }
    return problems
  }
}
