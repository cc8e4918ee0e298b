public import TensorFerryTensors

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension StateDict {
  /// Opens a weight file: names, dtypes, shapes and metadata are read, the tensors stay in the file.
  ///
  /// - Parameters:
  ///   - format: how to read it, for example `.hdf5`; nil finds the format by the file's content.
  ///   - options: what any format is told; a format's own options hold where these say nothing.
  /// - Throws: ``TensorError`` with code `.unreadableFile` if the file cannot be opened, ``WeightFileError`` if it
  ///   is of no known format or contradicts its format.
  public init(contentsOf url: URL, format: (any WeightFormat)? = nil, options: ReadingOptions = ReadingOptions()) throws
  {
    try self.init(path: url.path, format: format, options: options)
  }

  /// Opens a weight file by its path, or a directory that holds one set of shards; see ``init(contentsOf:format:options:)``.
  public init(path: String, format: (any WeightFormat)? = nil, options: ReadingOptions = ReadingOptions()) throws {
    if Leftover.isNamed(path) {
      throw WeightFileError(
        .refused, "by its name it is the beginning of a file that was never finished; rename it to read it", file: path)
    }
    let file = try SourceFile(path: try SafetensorsDirectory.file(in: path) ?? path)
    let reader = (try format ?? FormatRegistry.format(of: file)).reading(with: options)
    self = try NameEscape.undone(in: reader.read(file))
  }

  /// Writes the state dict to a file, so that the path holds either all of it or what it held before.
  ///
  /// It is written beside the path, read again and compared bit for bit while it is flushed to the disk, and then renamed.
  ///
  /// - Parameters:
  ///   - replacing: true to replace a file that exists.
  ///   - progress: called from this thread for every piece of a tensor; what it throws ends the work.
  /// - Throws: ``WeightFileError`` with code `.outputExists`, `.unrepresentable`, `.unwritable` or
  ///   `.verificationFailed`, and what `progress` throws; nothing is left behind then.
  public func write(
    to url: URL, format: any WeightFormat, replacing: Bool = false, progress: WriteProgress.Handler? = nil
  ) throws {
    try write(path: url.path, format: format, replacing: replacing, progress: progress)
  }

  /// Writes the state dict to a path; see ``write(to:format:replacing:progress:)``.
  public func write(
    path: String, format: any WeightFormat, replacing: Bool = false, progress: WriteProgress.Handler? = nil
  ) throws {
    try format.save(self, to: path, replacing: replacing, progress: progress)
  }

  /// The bytes of tensors in a file of a format, each shared storage once if the format keeps ties: a lower bound of
  /// its size, which stops at 2^63 - 1.
  func storedByteCount(as format: any WeightFormat.Type) -> Int {
    reduce(0) { sum, element in
      if format.keepsTies, element.aliasOf != nil { return sum }
      let (result, overflow) = sum.addingReportingOverflow(element.tensor.byteCount)
      return overflow ? .max : result
    }
  }

  /// Compares every tensor's name, dtype, shape, sharing and bytes with what was read back, and then asks whether a file
  /// that the tensors come from has changed meanwhile.
  func checkEqual(_ written: StateDict, at path: String, as format: any WeightFormat.Type) throws {
    let ties = format.keepsTies
    func failure(_ reason: String, _ tensor: String? = nil) -> WeightFileError {
      WeightFileError(.verificationFailed, reason, file: path, tensor: tensor)
    }
    guard format.keepsNames ? names == written.names : count == written.count else {
      throw failure("\(count) tensors were written, \(written.count) are read back, or their order differs")
    }
    for (mine, theirs) in zip(self, written) {
      guard mine.tensor.dtype == theirs.tensor.dtype, mine.tensor.shape == theirs.tensor.shape,
        !ties || mine.aliasOf == theirs.aliasOf
      else {
        throw failure("dtype, shape or sharing differs from what was written", mine.name)
      }
      if !ties || mine.aliasOf == nil, let offset = try mine.tensor.firstDifference(from: theirs.tensor) {
        throw failure("byte \(offset) of the tensor differs from what was written", mine.name)
      }
    }
    guard map(\.tensor.encoding) == written.map(\.tensor.encoding) else {
      throw failure("the type of a tensor of blocks differs from what was written")
    }
    var checked: Set<ObjectIdentifier> = []
    for element in self {
      for file in element.tensor.sourceFiles where checked.insert(ObjectIdentifier(file)).inserted {
        try file.checkUnchanged()
      }
    }
  }
}
