internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A directory as the name of what is in it.
enum SafetensorsDirectory {
  /// The one index in a directory, or else the one safetensors file; nil if the path is no directory.
  ///
  /// - Throws: ``WeightFileError`` with code `.unknownFormat` if there is none, `.unsupported` if there are several.
  static func file(in path: String) throws -> String? {
    guard let names = names(in: path) else { return nil }
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

  /// The names in a directory, sorted, without hidden ones; nil if the path is no directory.
  static func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }
}
