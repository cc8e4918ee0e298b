public import TensorFerryTensors

/// A file format as a value with options: it turns a file into a state dict and back.
public protocol WeightFormat: Sendable {
  /// The name in reports and on the command line, for example `hdf5`.
  static var name: String { get }

  /// True if the content of the file is of this format, by its first bytes; never by its name.
  static func recognises(_ file: SourceFile) throws -> Bool

  /// Reads names, dtypes, shapes and metadata; the tensors stay in the file.
  ///
  /// - Throws: ``WeightFileError`` and ``TensorError``.
  /// - Complexity: O(number of tensors); independent of their sizes.
  func read(_ file: SourceFile) throws -> StateDict

  /// False if names that share storage become copies in a file of this format.
  static var keepsTies: Bool { get }

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
}

extension WeightFormat {
  public static var keepsTies: Bool { true }
  public func losses(of state: StateDict) -> [String] { [] }
}
