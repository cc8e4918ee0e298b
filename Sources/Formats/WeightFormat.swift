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

  /// Why a file of this format cannot hold a tensor of that name, as a phrase that follows it, or nil if it can.
  static func problem(ofName name: String) -> String?

  /// False if names that look the same, however their accents are composed, are one name in a file of this format.
  static var distinguishesCompositions: Bool { get }

  /// What a file of this format cannot keep of a state dict, one sentence each; tensors are always kept.
  func losses(of state: StateDict) -> [String]

  /// Looks for everything that a file of this format cannot hold; reads no tensor and writes nothing.
  ///
  /// - Parameter path: where the file would be, for the error.
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` and every problem.
  func checkRepresentable(_ state: StateDict, at path: String) throws

  /// Writes a state dict to a path that does not exist yet.
  ///
  /// The same state dict gives the same bytes. Use ``StateDict/write(to:format:replacing:progress:)``, which writes beside the
  /// final path, verifies and renames.
  ///
  /// - Throws: ``WeightFileError`` with code `.unrepresentable` before anything is written if the format cannot hold
  ///   a tensor or a name.
  func write(_ state: StateDict, to path: String) throws

  /// Puts a state dict at a path, so that it holds either all of it or what it held before.
  ///
  /// A format that writes one file has it from an extension: beside the path, read again and compared bit for bit while
  /// it is flushed to the disk, then renamed.
  ///
  /// - Parameter progress: called for every piece; what it throws ends the work, and nothing is left behind.
  func save(_ state: StateDict, to path: String, replacing: Bool, progress: WriteProgress.Handler?) throws

  /// Looks for everything in a file that breaks the rules of this format, or that programs stumble over.
  ///
  /// Reads the whole file where the format has checksums.
  ///
  /// - Parameter state: what ``read(_:)`` gave, or nil if it threw.
  /// - Throws: only if the file cannot be read at all.
  func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding]
}

extension WeightFormat {
  public func save(_ state: StateDict, to path: String, replacing: Bool, progress: WriteProgress.Handler?) throws {
    try saveFile(state, to: path, replacing: replacing, progress: progress)
  }

  /// Writes one file, verified.
  func saveFile(_ state: StateDict, to path: String, replacing: Bool, progress: WriteProgress.Handler?) throws {
    let meter = progress.map { ProgressMeter($0, writing: state, as: Self.self) }
    let state = meter.map(state.observed) ?? state
    try AtomicFile.write(to: path, replacing: replacing, byteCount: state.storedByteCount(as: Self.self)) { temporary in
      try meter?.begin(.write)
      do {
        try write(state, to: temporary)
      } catch var error as WeightFileError where error.file == temporary {
        error.file = path
        throw error
      }
    } check: { temporary in
      try meter?.begin(.verify)
      try state.checkEqual(try read(SourceFile(path: temporary)), at: path, as: Self.self)
    } beforeCommit: {
      try meter?.report()
    }
  }

  public func check(_ file: SourceFile, _ state: StateDict?) throws -> [FormatFinding] { [] }
  public static var extensions: [String] { [] }
  public func reading(with options: ReadingOptions) -> Self { self }
  public static var keepsTies: Bool { true }
  public static var keepsNames: Bool { true }
  public static func problem(ofName name: String) -> String? { nil }
  public static var distinguishesCompositions: Bool { true }
  public func losses(of state: StateDict) -> [String] { [] }
}
