/// A name in an HDF5 file and what it leads to.
public struct HDF5Link: Sendable {
  public enum Target: Sendable {
    case group(HDF5ObjectIdentity, attributes: [HDF5Attribute])
    case dataset(HDF5DatasetDescription)
    case committedDatatype
    /// A path in the same file, which was not followed.
    case soft(to: String)
    /// An object of another file, which was not looked for.
    case external(file: String, object: String)
    /// Something that cannot be described, for the reason given in words: an object in a newer version of the format
    /// than is known, a damaged one, a link of a kind that a program defined for itself, a group inside itself.
    case unreadable(reason: String)
  }

  /// From the root: `/a/b`.
  public let path: String
  public let target: Target

  package init(path: String, target: Target) {
    self.path = path
    self.target = target
  }
}

/// What tells whether two names lead to the same object.
public struct HDF5ObjectIdentity: Hashable, Sendable {
  public let file: UInt64
  public let address: UInt64

  package init(file: UInt64, address: UInt64) {
    self.file = file
    self.address = address
  }
}
