internal import TensorFerryTensors

/// A directory as the name of what is in it.
enum SafetensorsDirectory {
  /// The one index in a directory, or else the one safetensors file; nil if the path is no directory.
  ///
  /// - Throws: ``WeightFileError`` with code `.unknownFormat` if there is none, `.unsupported` if there are several.
  static func file(in path: String) throws -> String? {
    guard let names = DirectoryListing.names(in: path) else { return nil }
    let indexes = names.filter { $0.hasSuffix(".safetensors.index.json") }
    let candidates = indexes.isEmpty ? names.filter { $0.hasSuffix(".safetensors") } : indexes
    guard let name = candidates.first else {
      throw WeightFileError(
        .unknownFormat, "the directory holds neither a *.safetensors.index.json nor a *.safetensors", file: path)
    }
    guard candidates.count == 1 else {
      let list = candidates.prefix(5).map { "'\($0.escapedForDisplay)'" }.joined(separator: ", ")
      throw WeightFileError(
        .unsupported, "the directory holds \(candidates.count) that could be meant, name one of \(list)", file: path)
    }
    return path.hasSuffix("/") ? path + name : path + "/" + name
  }
}
