internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// What one read or write of a dataset needs, checked against the size of the caller's buffer.
struct Transfer: ~Copyable {
  /// The dataset's space with the selection.
  let file: Dataspace
  /// As many elements in a row.
  let memory: Dataspace
  /// The type of the elements in the caller's buffer.
  let type: Datatype

  /// - Parameters:
  ///   - slab: what is selected; nil for everything.
  ///   - bufferSize: the bytes that the caller has or wants; nil for as many as there are.
  /// - Throws: ``HDF5Error`` with code `.outOfRange` for the selection, `.sizeMismatch` if the buffer has another
  ///   size, `.sizeOverflow` if the size does not fit.
  init(
    _ dataset: borrowing HDF5Dataset, _ slab: HDF5Hyperslab?, as type: consuming Datatype, bufferSize: Int?
  ) throws(HDF5Error) {
    let place = dataset.handle
    let space = try dataset.space()
    if let slab { try space.select(slab, at: place) }
    let dimensions = slab?.count ?? space.dimensions
    let elementSize = try type.byteCount(at: place)
    guard let byteCount = space.isNull ? 0 : checkedByteCount(dimensions, elementSize: elementSize) else {
      throw HDF5Error(.sizeOverflow, "\(dimensions) elements of \(type.element) are 2^63 bytes or more", at: place)
    }
    guard bufferSize == nil || bufferSize == byteCount else {
      throw HDF5Error(
        .sizeMismatch,
        "a buffer of \(bufferSize ?? 0) bytes for \(dimensions) elements of \(type.element), which take \(byteCount)",
        at: place)
    }
    memory = try Dataspace([UInt64(byteCount / elementSize)], at: place)
    file = space
    self.type = type
    self.byteCount = byteCount
  }

  let byteCount: Int
  /// False if nothing is selected, or there is nothing: then the library is not asked.
  var isEmpty: Bool { byteCount == 0 }
}

extension HDF5Dataset {
  /// The type in memory that belongs to bytes in and out: the file's own wherever that is little-endian, so that
  /// nothing is converted.
  ///
  /// - Throws: ``HDF5Error`` with code `.unsupportedType` if the elements are not plain bytes.
  func byteType() throws(HDF5Error) -> Datatype {
    guard elementType.byteCount != nil else {
      throw HDF5Error(.unsupportedType, "the elements are \(elementType), which are not plain bytes", at: handle)
    }
    if isBigEndian { return try Datatype(elementType, at: handle) }
    return try fileType()
  }

  func fileType() throws(HDF5Error) -> Datatype {
    try Datatype("read the type of '\(handle.object)'", at: handle) { H5Dget_type(handle.raw) }
  }
}
