internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Describes datasets of one file.
struct DatasetDescriber {
  let path: String
  /// The size of the file.
  let byteCount: UInt64
  let userBlockSize: UInt64
  let superblockVersion: Int

  /// Data inside of an object header is at most this large.
  private static let compactByteLimit = 65_536

  func describe(_ place: HDF5Handle, identity: HDF5ObjectIdentity) throws(HDF5Error) -> HDF5DatasetDescription {
    let type = try Datatype("read the type of '\(place.object)'", at: place) { H5Dget_type(place.raw) }
    let space = try Dataspace("read the shape of '\(place.object)'", at: place) { H5Dget_space(place.raw) }
    let attributes = try readAttributes(of: place, keepsFailures: true)
    guard let size = checkedByteCount(space.dimensions, elementSize: type.element.byteCount ?? 0) else {
      throw HDF5Error(
        .sizeOverflow, "\(space.dimensions) elements of \(type.element) are 2^63 bytes or more", at: place)
    }
    func description(_ storage: HDF5Storage) -> HDF5DatasetDescription {
      HDF5DatasetDescription(
        path: place.object, identity: identity, elementType: type.element, isBigEndian: type.isBigEndian,
        dimensions: space.dimensions, isNull: space.isNull, byteCount: space.isNull ? 0 : size, storage: storage,
        attributes: attributes)
    }
    let storage = try storage(of: place, type: type, space: space, byteCount: size)
    let result = description(storage)
    return result.problem(fileSize: byteCount).map { description(.refused(reason: $0)) } ?? result
  }

  private func storage(
    of place: HDF5Handle, type: borrowing Datatype, space: borrowing Dataspace, byteCount: Int
  ) throws(HDF5Error) -> HDF5Storage {
    guard let elementSize = type.element.byteCount else {
      return .refused(reason: "its elements are \(type.element), which are not plain bytes")
    }
    // Not asked further: there are no chunks even where the layout has them.
    guard !space.isNull, !space.dimensions.contains(0) else { return .empty }
    let properties = try Identifier("read how '\(place.object)' is stored", at: place) {
      H5Dget_create_plist(place.raw)
    }
    let layout = try check("read the layout of '\(place.object)'", at: place) { H5Pget_layout(properties.raw).rawValue }
    switch H5D_layout_t(rawValue: layout) {
    case H5D_CONTIGUOUS:
      let files = try check("count the external files", at: place) { H5Pget_external_count(properties.raw) }
      guard files == 0 else { return .refused(reason: "its data is in \(files) other files") }
      return try contiguousStorage(of: place, properties, type, byteCount: byteCount)
    case H5D_COMPACT: return try compactStorage(of: place, byteCount: byteCount)
    case H5D_CHUNKED:
      return try ChunkTable(
        place: place, fileSize: self.byteCount, userBlockSize: userBlockSize, superblockVersion: superblockVersion
      ).storage(properties, type, space, elementSize: elementSize)
    case H5D_VIRTUAL: return .refused(reason: "it is a virtual dataset: its data is in other datasets or files")
    default: return .refused(reason: "its layout \(layout) is unknown")
    }
  }

  private func contiguousStorage(
    of place: HDF5Handle, _ properties: borrowing Identifier, _ type: borrowing Datatype, byteCount: Int
  ) throws(HDF5Error) -> HDF5Storage {
    let (offset, size) = Library.call { (chdf5_dataset_offset(place.raw), chdf5_dataset_storage_size(place.raw)) }
    // Behind a user block, libhdf5 1.10 gives a defined offset for data that was never allocated; the size tells.
    guard size > 0, offset != chdf5_undefined_address() else {
      guard let fill = try FillValue.read(from: properties, type, at: place) else {
        return .refused(reason: "it was never written and has no fill value")
      }
      return .unallocated(fill: fill)
    }
    guard size == UInt64(byteCount) else {
      return .refused(reason: "it stores \(size) bytes, its shape needs \(byteCount)")
    }
    return .contiguous(offset: offset)
  }

  /// libhdf5 has no other way to this data than reading it, so it does, within narrow limits: an exact size, no
  /// conversion.
  private func compactStorage(of place: HDF5Handle, byteCount: Int) throws(HDF5Error) -> HDF5Storage {
    let stored = Library.call { chdf5_dataset_storage_size(place.raw) }
    guard stored == UInt64(byteCount), byteCount <= Self.compactByteLimit else {
      return .refused(reason: "it stores \(stored) bytes in its header, its shape needs \(byteCount)")
    }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let type = try Identifier("read the type of '\(place.object)'", at: place) { H5Dget_type(place.raw) }
    try check("read '\(place.object)'", at: place) {
      // Safe because the buffer has the size of all elements in the file's own type.
      unsafe H5Dread(place.raw, type.raw, chdf5_all(), chdf5_all(), chdf5_default(), &bytes)
    }
    return .compact(bytes)
  }
}

/// The value of elements that were never written.
enum FillValue {
  /// The bytes of one element, little-endian, or nil if the file leaves them undefined: then libhdf5 would report
  /// success and leave the reader's memory as it was.
  static func read(
    from properties: borrowing Identifier, _ type: borrowing Datatype, at place: HDF5Handle
  ) throws(HDF5Error) -> [UInt8]? {
    var status = H5D_FILL_VALUE_ERROR
    var time = H5D_FILL_TIME_ERROR
    // Safe because the library fills the one value that it is given.
    try check("read whether there is a fill value", at: place) { unsafe H5Pfill_value_defined(properties.raw, &status) }
    try check("read when the fill value is written", at: place) { unsafe H5Pget_fill_time(properties.raw, &time) }
    guard status != H5D_FILL_VALUE_UNDEFINED, time != H5D_FILL_TIME_NEVER else { return nil }
    var bytes = [UInt8](repeating: 0, count: try type.byteCount(at: place))
    guard status == H5D_FILL_VALUE_USER_DEFINED else { return bytes }
    try check("read the fill value", at: place) {
      // Safe because the buffer has the size of one element of the type that is passed.
      unsafe H5Pget_fill_value(properties.raw, type.raw, &bytes)
    }
    if type.isBigEndian { reverseBytes(of: &bytes, width: type.element.swapWidth) }
    return bytes
  }
}
