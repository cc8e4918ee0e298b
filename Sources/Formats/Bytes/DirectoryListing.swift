#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

package enum DirectoryListing {
  /// The names in a directory, sorted, without hidden ones; nil if the path is no directory.
  package static func names(in path: String) -> [String]? { allNames(in: path)?.filter { !$0.hasPrefix(".") } }

  /// The hidden names in a directory, sorted; nil if the path is no directory.
  static func hiddenNames(in path: String) -> [String]? { allNames(in: path)?.filter { $0.hasPrefix(".") } }

  private static func allNames(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.sorted()
  }
}
