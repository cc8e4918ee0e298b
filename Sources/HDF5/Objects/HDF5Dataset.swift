internal import CTensorFerryHDF5
public import TensorFerryHDF5Reading

/// An open dataset: an array of elements of one type.
///
/// It is closed when it goes out of scope. That of a file that is being created is closed with the file, at the end of
/// ``HDF5File/create(at:options:_:)``. Bytes go in and out row-major and
/// little-endian, whatever the byte order in the file.
public struct HDF5Dataset: ~Copyable, Sendable, HDF5Attributed {
  public let handle: HDF5Handle
  /// The type of an element.
  public let elementType: HDF5ElementType
  /// The byte order in the file.
  public let isBigEndian: Bool
  private let identifier: Identifier

  /// Where the dataset was found in the file.
  public var path: String { handle.object }

  init(_ identifier: consuming Identifier, at place: HDF5Handle) throws(HDF5Error) {
    let own = HDF5Handle(file: place.file, object: place.object, raw: identifier.raw)
    handle = own
    let type = try Datatype("read the type of '\(own.object)'", at: own) { H5Dget_type(own.raw) }
    elementType = type.element
    isBigEndian = type.isBigEndian
    self.identifier = identifier
  }

  /// The dimensions, outermost first: `[]` for a scalar, nil for a null dataspace, which has no elements.
  public func dimensions() throws -> [UInt64]? {
    let space = try space()
    return space.isNull ? nil : space.dimensions
  }

  /// The offset of the first byte of a contiguous dataset, from the start of the file, or nil if it is not allocated
  /// or not contiguous.
  public func fileOffset() throws -> UInt64? {
    let (offset, size) = Library.call { (chdf5_dataset_offset(handle.raw), chdf5_dataset_storage_size(handle.raw)) }
    // Behind a user block, libhdf5 1.10 gives a defined offset for data that was never allocated; the size tells.
    return size == 0 || offset == chdf5_undefined_address() ? nil : offset
  }

  /// Changes the dimensions of a chunked dataset, up to its maximum dimensions.
  public func resize(to dimensions: [UInt64]) throws {
    let rank = try space().dimensions.count
    guard dimensions.count == rank else {
      throw HDF5Error(.outOfRange, "\(dimensions.count) dimensions for a dataset of rank \(rank)", at: handle)
    }
    // Safe because the array has been found to have as many elements as the dataset has dimensions.
    try check("resize '\(path)' to \(dimensions)", at: handle) { unsafe H5Dset_extent(handle.raw, dimensions) }
  }

  func space() throws(HDF5Error) -> Dataspace {
    try Dataspace("read the shape of '\(handle.object)'", at: handle) { H5Dget_space(handle.raw) }
  }
}
