internal import TensorFerryFormats
internal import TensorFerryTensors

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension ReferenceBundle {
  /// Opens a bundle; its values stay in the file.
  ///
  /// - Throws: what ``StateDict`` throws for a file that cannot be read, ``ParityError`` if it is not a reference.
  public init(contentsOf url: URL) throws { try self.init(path: url.path) }

  /// Opens a bundle by its path; see ``init(contentsOf:)``.
  public init(path: String) throws {
    let state = try StateDict(path: path)
    // What cannot be read must not pass for what was never recorded.
    try state.checkComplete()
    try self.init(state)
  }
}
