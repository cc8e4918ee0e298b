internal import CTensorFerryFiles
internal import TensorFerryTensors
internal import TensorFerryThreads

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A file that is written beside its path and then renamed, so that the path holds either all of the new content or
/// what it held before.
struct AtomicFile {
  let path: String
  /// Where the content is written; in the same directory.
  let temporary: String
  private let directory: String
  private let replacing: Bool

  /// Calls `body` with a path in the same directory, flushes what it wrote to the disk while `check` looks at it, and
  /// renames it.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes will be written at least; see ``checkSpace(for:)``.
  ///   - beforeCommit: the last chance to throw.
  /// - Throws: ``WeightFileError`` with code `.outputExists` or `.unwritable`, and whatever `body` throws; the
  ///   temporary file is removed then.
  static func write(
    to path: String, replacing: Bool, byteCount: Int, _ body: (_ temporary: String) throws -> Void,
    check: (_ temporary: String) throws -> Void = { _ in }, beforeCommit: () throws -> Void = {}
  ) throws {
    let file = try AtomicFile(path: path, replacing: replacing)
    try file.checkSpace(for: byteCount)
    do {
      try body(file.temporary)
      let flush = file.startFlush()
      try check(file.temporary)
      try flush.value()
      try beforeCommit()
      try file.commit()
    } catch {
      file.discard()
      throw error
    }
  }

  /// Checks that the path may be written; writes nothing.
  init(path: String, replacing: Bool) throws {
    if Self.isDirectory(path) { throw WeightFileError(.unwritable, "the output is a directory", file: path) }
    if access(path, F_OK) == 0, !replacing {
      throw WeightFileError(.outputExists, "the output exists; --force replaces it", file: path)
    }
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { String(path[...$0]) } ?? "./"
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    guard access(directory, W_OK) == 0 else {
      throw WeightFileError(.unwritable, "cannot write into '\(directory)': \(systemMessage(errno))", file: path)
    }
    self.path = path
    self.replacing = replacing
    self.directory = directory
    temporary = directory + Leftover.name(for: name)
  }

  /// Compares what will be written with the free space of the file system, before the first byte.
  ///
  /// A file system that does not tell its size is not asked, nor one where files can share their data, because the
  /// output may take next to no space there; a quota shows only when it is met, at a write.
  ///
  /// - Throws: ``WeightFileError`` with code `.unwritable` and both numbers.
  func checkSpace(for byteCount: Int) throws {
    var status = statvfs()
    guard statvfs(directory, &status) == 0, status.f_blocks > 0, byteCount > 0,
      ctensorferry_can_share(directory) == 0
    else { return }
    let (free, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    guard overflow || free >= UInt64(byteCount) else {
      throw WeightFileError(
        .unwritable, "\(byteCount) bytes are to be written, the file system has \(free) free", file: path)
    }
  }

  /// Forces what was written to the disk, from another thread: that takes long, and is mostly waiting.
  func startFlush() -> BackgroundTask<Void> {
    BackgroundTask { [temporary, path] in try Self.flush(temporary, of: path) }
  }

  /// Gives the file its path.
  func commit() throws {
    guard Self.rename(temporary, path, exclusively: !replacing) == 0 else {
      throw errno == EEXIST
        ? WeightFileError(.outputExists, "the output appeared meanwhile; --force replaces it", file: path)
        : WeightFileError(.unwritable, "cannot rename to the output: \(systemMessage(errno))", file: path)
    }
    do {
      try Self.flush(directory, of: path)
    } catch var error as WeightFileError {
      error.reason = "the output is complete, but a power failure could take its name: \(error.reason)"
      throw error
    }
  }

  /// Removes what was written, unless it has its path already.
  func discard() { unlink(temporary) }

  /// True if both paths lead to one file.
  static func isSame(_ path: String, as other: String) -> Bool {
    var (a, b) = (stat(), stat())
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Forces a file, or a directory's entries, to the disk.
  private static func flush(_ target: String, of path: String) throws {
    let descriptor = open(target, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw WeightFileError(.unwritable, "cannot open what was written: \(systemMessage(errno))", file: path)
    }
    defer { close(descriptor) }
    #if canImport(Darwin)
      // fsync on Darwin does not reach the medium; F_FULLFSYNC does, where the file system has it.
      if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
    #endif
    guard fsync(descriptor) == 0 else {
      throw WeightFileError(.unwritable, "cannot flush to the disk: \(systemMessage(errno))", file: path)
    }
  }

  /// `rename`; if `exclusively`, it fails with EEXIST where a file is in the way.
  private static func rename(_ old: String, _ new: String, exclusively: Bool) -> Int32 {
    guard exclusively else { return renameFile(old, new) }
    // link + unlink refuses an existing target in one step on every POSIX file system that has hard links.
    if link(old, new) == 0 {
      // The output is there and complete. What stays if this fails is its second name, which is told as a leftover.
      unlink(old)
      return 0
    }
    guard [EPERM, EACCES, ENOTSUP, EMLINK, ENOSYS].contains(errno) else { return -1 }
    var status = stat()
    guard lstat(new, &status) != 0 else {
      errno = EEXIST
      return -1
    }
    return renameFile(old, new)
  }
}

private func renameFile(_ old: String, _ new: String) -> Int32 { rename(old, new) }
