public import TensorFerryTensors

/// A file format as a value with options: it turns a file into a state dict and back.
public protocol WeightFormat: Sendable {
  /// The name in reports and on the command line, for example `hdf5`.
  static var name: String { get }

  /// True if the content of the file is of this format, by its first bytes; never by its name.
  static func recognises(_ file: SourceFile) throws -> Bool

  /// The extensions, in lower case, of files that are of this format by their names.
  static var extensions: [String] { get }

  /// The same format with those of the options that it has a use for.
  func reading(with options: ReadingOptions) -> Self

  /// Reads names, dtypes, shapes and metadata; the tensors stay in the file.
  ///
  /// - Throws: ``WeightFileError`` and ``TensorError``.
  /// - Complexity: O(number of tensors); independent of their sizes.
  func read(_ file: SourceFile) throws -> StateDict

  /// False if names that share storage become copies in a file of this format.
  static var keepsTies: Bool { get }

  /// False if a file of this format holds one tensor without its name.
  static var keepsNames: Bool { get }

  /// What a file of this format cannot keep of a state dict, one sentence each; tensors are always kept.
  func losses(of state: StateDict) -> [String]

  /// Writes a state dict to a path that does not exist yet.
  ///
  /// The same state dict gives the same bytes. Use ``StateDict/write(to:format:replacing:)``, which writes beside the
  /// final path, verifies and renames.
  ///
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` before anything is written if the format cannot hold
  ///   a tensor or a name.
  func write(_ state: StateDict, to path: String) throws

  /// Puts a state dict at a path, so that it holds either all of it or what it held before.
  ///
  /// A format that writes one file has it from an extension: beside the path, flushed to the disk, read again and
  /// compared bit for bit, then renamed.
  func save(_ state: StateDict, to path: String, replacing: Bool) throws
}

extension WeightFormat {
  public func save(_ state: StateDict, to path: String, replacing: Bool) throws {
    try saveFile(state, to: path, replacing: replacing)
  }

  /// Writes one file, verified.
  func saveFile(_ state: StateDict, to path: String, replacing: Bool) throws {
    try AtomicFile.write(to: path, replacing: replacing) { temporary in
      try write(state, to: temporary)
      try state.checkEqual(try StateDict(path: temporary, format: self), at: path, as: Self.self)
    }
  }

  public static var extensions: [String] { [] }
  public func reading(with options: ReadingOptions) -> Self { self }
  public static var keepsTies: Bool { true }
  public static var keepsNames: Bool { true }
  public func losses(of state: StateDict) -> [String] { [] }
}
