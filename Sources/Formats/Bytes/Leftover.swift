internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The beginning of an output, which a run left because it was killed or the power failed.
///
/// Its name is `.NAME.tensorferry-PROCESS-RANDOM`, beside the output NAME. Nothing reads it and nothing removes it: it may
/// be all that is left of hours of work, and a file is only known to be ours by its name.
package struct Leftover: Sendable {
  package let path: String
  package let byteCount: UInt64

  private static let mark = ".tensorferry-"

  /// A new name for what will become the output `name`.
  static func name(for name: String) -> String {
    ".\(name)\(mark)\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
  }

  /// The process that gave a file its name, or nil if the name is not one of ours.
  private static func process(in name: Substring) -> pid_t? {
    guard name.first == ".", let range = name.ranges(of: mark).last else { return nil }
    let parts = name[range.upperBound...].split(separator: "-", omittingEmptySubsequences: false)
    let isOurs = parts.count == 2 && UInt32(parts[1], radix: 36) != nil
    return isOurs ? pid_t(parts[0]) : nil
  }

  /// True if the path has the name of an output that is not finished.
  static func isNamed(_ path: String) -> Bool {
    process(in: path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]) != nil
  }

  /// What runs that have ended left in the directory of `path`, or in `path` if it is one; sorted by name.
  ///
  /// - Complexity: O(files in the directory).
  package static func find(beside path: String) -> [Leftover] {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
    let names =
      DirectoryListing.hiddenNames(in: path).map { (path + "/", $0) }
      ?? DirectoryListing.hiddenNames(
        in: directory
      ).map { (directory, $0) }
    guard let (folder, names) = names else { return [] }
    return names.compactMap { name in
      guard let process = process(in: name[...]), kill(process, 0) != 0, errno == ESRCH else { return nil }
      var status = stat()
      guard lstat(folder + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return Leftover(path: folder + name, byteCount: UInt64(max(0, status.st_size)))
    }
  }
}
