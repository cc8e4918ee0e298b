/// What a dataset is and where its bytes are.
public struct HDF5DatasetDescription: Sendable {
  /// The first path at which it was found.
  public let path: String
  public let identity: HDF5ObjectIdentity
  public let elementType: HDF5ElementType
  /// The byte order in the file; false where there is none.
  public let isBigEndian: Bool
  /// Outermost first; `[]` for a scalar and for a null dataspace.
  public let dimensions: [UInt64]
  /// True if the dataset can have no elements at all: it has no shape, which is different from an empty one.
  public let isNull: Bool
  /// The size of the decoded bytes; 0 for types without a fixed size.
  public let byteCount: Int
  public let storage: HDF5Storage
  public let attributes: [HDF5Attribute]

  package init(
    path: String, identity: HDF5ObjectIdentity, elementType: HDF5ElementType, isBigEndian: Bool, dimensions: [UInt64],
    isNull: Bool, byteCount: Int, storage: HDF5Storage, attributes: [HDF5Attribute]
  ) {
    self.path = path
    self.identity = identity
    self.elementType = elementType
    self.isBigEndian = isBigEndian
    self.dimensions = dimensions
    self.isNull = isNull
    self.byteCount = byteCount
    self.storage = storage
    self.attributes = attributes
  }
}

/// Where the bytes of a dataset are.
public enum HDF5Storage: Sendable, Hashable {
  /// One range of the file, from this offset on.
  case contiguous(offset: UInt64)
  /// In the object header: these bytes, in the byte order of the file.
  case compact([UInt8])
  case chunked(HDF5ChunkIndex)
  /// Nowhere: every element has this value, given little-endian.
  case unallocated(fill: [UInt8])
  /// There are no bytes: a dimension is 0, or the dataspace is null.
  case empty
  /// In a way that is not read, for the reason given in words.
  case refused(reason: String)
}
