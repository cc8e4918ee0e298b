/// What an HDF5 file holds, and where: every link with what it leads to, but no data.
///
/// A plain value. The data of a dataset is read by ``HDF5DatasetReader``, which checks every number in here against
/// the file.
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

  package init(
    path: String, byteCount: UInt64, userBlockSize: UInt64, superblockVersion: Int, attributes: [HDF5Attribute],
    links: [HDF5Link]
  ) {
    self.path = path
    self.byteCount = byteCount
    self.userBlockSize = userBlockSize
    self.superblockVersion = superblockVersion
    self.attributes = attributes
    self.links = links
  }
}
