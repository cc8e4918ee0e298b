internal import TensorFerryTensors

/// A model that llama.cpp's tools split: files named `model-00001-of-00003.gguf` and so on, each complete in itself.
///
/// The first has the metadata of the model and leads to the others, as in llama.cpp. What is read of the names is the
/// name of the file that was opened, nothing that a file says: no file can lead out of its directory.
struct GGUFSplit {
  static let keys = ["split.no", "split.count", "split.tensors.count"]

  let parts: [(file: SourceFile, header: GGUFHeader)]

  /// The whole set, or nil if the file is not the first of one, or if another part is not beside it.
  ///
  /// - Throws: ``WeightFileError`` with code `.malformed` and every contradiction between the parts.
  init?(_ first: SourceFile, _ header: GGUFHeader) throws {
    guard let paths = Self.paths(of: first, header) else { return nil }
    var files = [first]
    for path in paths.dropFirst() {
      guard let file = try? SourceFile(path: path) else { return nil }
      files.append(file)
    }
    var parts = [(file: first, header: header)]
    var problems: [String] = []
    for file in files.dropFirst() {
      do {
        parts.append((file, try GGUFHeader(file)))
      } catch let error as any LocatedError {
        problems.append("\(Self.name(of: file)): \(error.reason)" + (error.place.map { " (\($0))" } ?? ""))
      }
    }
    if problems.isEmpty { problems = Self.contradictions(in: parts) }
    guard problems.isEmpty else {
      throw WeightFileError(
        .malformed, "the parts do not make up a model: " + problems.joined(separator: "; "), file: first.path,
        format: GGUFFormat.name)
    }
    self.parts = parts
  }

  /// The parts that a file, which is the first, says there are; nil for other files.
  static func paths(of file: SourceFile, _ header: GGUFHeader) -> [String]? {
    guard let count = header.value("split.count"), (2...GGUFLimits.partCount).contains(count),
      header.value("split.no") == 0
    else { return nil }
    let suffix = ending(1, of: count)
    guard file.path.hasSuffix(suffix) else { return nil }
    return (1...count).map { file.path.dropLast(suffix.count) + ending($0, of: count) }
  }

  private static func ending(_ number: Int, of count: Int) -> String {
    func digits(_ value: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
    return "-\(digits(number))-of-\(digits(count)).gguf"
  }

  private static func name(of file: SourceFile) -> String {
    "'\((file.path.split(separator: "/").last.map(String.init) ?? file.path).escapedForDisplay)'"
  }

  private static func contradictions(in parts: [(file: SourceFile, header: GGUFHeader)]) -> [String] {
    var problems: [String] = []
    var owners: [ExactText: Int] = [:]
    for (index, part) in parts.enumerated() {
      let name = name(of: part.file)
      let number = part.header.value("split.no")
      if number != index {
        problems.append("\(name) says that it is number \(number.map(String.init) ?? "none"), it is number \(index)")
      }
      let count = part.header.value("split.count")
      if count != parts.count {
        problems.append("\(name) says that there are \(count.map(String.init) ?? "no") parts, there are \(parts.count)")
      }
      for tensor in part.header.tensors {
        if let other = owners.updateValue(index, forKey: ExactText(tensor.name)) {
          problems.append(
            "'\(tensor.name.escapedForDisplay)' is in \(Self.name(of: parts[other].file)) and in \(name)")
        }
      }
    }
    let total = parts.reduce(0) { $0 + $1.header.tensors.count }
    if let declared = parts[0].header.value("split.tensors.count"), declared != total {
      problems.append("there should be \(declared) tensors, there are \(total)")
    }
    return problems
  }

  /// The metadata of the first part, without what says that it is one.
  var metadata: [JSONValue.Member] {
    parts[0].header.metadata.compactMap { member in
      if Self.keys.contains(member.key) { return nil }
      guard member.key == GGUFMetadata.typesKey, let types = member.value.members else { return member }
      let kept = types.filter { !Self.keys.contains($0.key) }
      return kept.isEmpty ? nil : .init(member.key, .object(kept))
    }
  }

  /// Metadata of the other parts that the first does not have; the tools write none.
  var others: [StateDict.Other] {
    parts.dropFirst().flatMap { part in
      part.header.metadata.compactMap { member in
        guard !Self.keys.contains(member.key), member.key != GGUFMetadata.typesKey,
          parts[0].header.metadata.first(where: { $0.key == member.key })?.value != member.value
        else { return nil }
        return .init(
          name: member.key, kind: "metadata of a part", reason: "\(Self.name(of: part.file)) has a value of its own")
      }
    }
  }
}
