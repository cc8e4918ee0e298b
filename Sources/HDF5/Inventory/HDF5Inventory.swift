/// What an HDF5 file holds, and where: every link with what it leads to, but no data.
///
/// A plain value. The data of a dataset is read by ``HDF5DatasetReader``, which checks every number in here against
/// the file and never asks libhdf5.
public struct HDF5Inventory: Sendable {
  /// The path that was described.
  public let path: String
  /// The size of the file when it was described, in bytes.
  public let byteCount: UInt64
  /// Bytes before the HDF5 part that belong to someone else. Offsets count them.
  public let userBlockSize: UInt64
  public let superblockVersion: Int
  /// The attributes of the root group, in the order of their creation where it is kept, else by name.
  public let attributes: [HDF5Attribute]
  /// Every link, depth first, a group before its members; in the order of creation where the group keeps it, else by
  /// name.
  ///
  /// A group with two hard links is listed with its members under both. An object with two names has the same
  /// ``HDF5ObjectIdentity`` in both places.
  public let links: [HDF5Link]

  /// Describes a file by means of libhdf5.
  ///
  /// Each object is opened once for each hard link to it. An object that cannot be described is listed as
  /// `.unreadable`; soft and external links are listed and never followed.
  ///
  /// - Throws: ``HDF5Error`` with code `.unreadableFile`, `.notHDF5`, `.damagedFile` if libhdf5 cannot open the file or
  ///   list its root, or `.limitExceeded` for more than 1,000,000 links.
  /// - Complexity: O(links + attributes), and O(chunks²) within a dataset of chunks, of which 65,536 are the limit.
  public init(describing path: String) throws {
    let byteCount = try FileSignature.find(in: path)
    let file = try HDF5File(opening: path)
    let header = try file.header()
    var walk = FileWalk(
      DatasetDescriber(path: path, byteCount: byteCount, userBlockSize: header.userBlockSize))
    try walk.descend(from: file.handle)
    self.path = path
    self.byteCount = byteCount
    userBlockSize = header.userBlockSize
    superblockVersion = header.version
    attributes = try readAttributes(of: file.handle, keepsFailures: true)
    links = walk.links
  }
}
