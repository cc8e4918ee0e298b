internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5Container where Self: ~Copyable {
  /// Creates a group.
  ///
  /// - Parameters:
  ///   - name: one name, not a path: it may hold dots, but no slash, and is not `.`.
  ///   - tracksCreationOrder: true to list members and attributes in the order of their creation.
  /// - Throws: ``HDF5Error`` with code `.invalidName` or `.alreadyExists`.
  @discardableResult
  public func createGroup(_ name: String, tracksCreationOrder: Bool = false) throws -> HDF5Group {
    let place = handle.naming(name)
    try checkNew(name, at: place)
    let properties = try groupProperties(
      chdf5_class_group_creation, tracksCreationOrder: tracksCreationOrder, at: place)
    let links = try linkProperties(at: place)
    // Safe because the library copies the name.
    let group = try Identifier("create the group '\(place.object)'", at: place) {
      unsafe H5Gcreate2(place.raw, name, links.raw, properties.raw, chdf5_default())
    }
    return HDF5Group(group, at: place)
  }

  /// Creates a dataset.
  ///
  /// - Parameters:
  ///   - name: one name, not a path.
  ///   - type: the type of an element in the file.
  ///   - isBigEndian: the byte order in the file. What is written into the dataset is little-endian in any case.
  ///   - dimensions: outermost first; `[]` for a scalar, nil for a dataset that never has elements.
  /// - Throws: ``HDF5Error`` with code `.invalidName`, `.alreadyExists`, `.invalidOptions`, `.unsupportedType`, or
  ///   `.sizeOverflow` if the data would be 2^63 bytes or more.
  @discardableResult
  public func createDataset(
    _ name: String, _ type: HDF5ElementType, isBigEndian: Bool = false, dimensions: [UInt64]?,
    options: HDF5DatasetOptions = HDF5DatasetOptions()
  ) throws -> HDF5Dataset {
    let place = handle.naming(name)
    try checkNew(name, at: place)
    guard checkedByteCount(dimensions ?? [], elementSize: type.byteCount ?? 16) != nil else {
      throw HDF5Error(.sizeOverflow, "\(dimensions ?? []) elements of \(type) are 2^63 bytes or more", at: place)
    }
    let datatype = try Datatype(type, isBigEndian: isBigEndian, at: place)
    let properties = try options.properties(for: datatype, dimensions: dimensions, at: place)
    let space = try Dataspace(dimensions, maximum: options.maximumDimensions, at: place)
    let links = try linkProperties(at: place)
    let dataset = try Identifier("create the dataset '\(place.object)'", at: place) {
      // Safe because the library copies the name.
      unsafe H5Dcreate2(place.raw, name, datatype.raw, space.raw, links.raw, properties.raw, chdf5_default())
    }
    return try HDF5Dataset(dataset, at: place)
  }

  /// Gives an object a second name. Both are equal: neither is the original.
  ///
  /// - Parameter path: the object, seen from here.
  /// - Throws: ``HDF5Error`` with code `.invalidName`, `.alreadyExists` or `.notFound`.
  public func createHardLink(_ name: String, to path: String) throws {
    let place = handle.naming(name)
    try checkNew(name, at: place)
    guard try contains(path) else {
      throw HDF5Error(.notFound, "there is no object '\(handle.path(of: path))' to link to", at: place)
    }
    let links = try linkProperties(at: place)
    try check("link '\(place.object)' to '\(path)'", at: place) {
      // Safe because the library copies the names.
      unsafe H5Lcreate_hard(place.raw, path, place.raw, name, links.raw, chdf5_default())
    }
  }

  /// Creates a link that leads to a path, whether there is something or not.
  ///
  /// - Throws: ``HDF5Error`` with code `.invalidName` or `.alreadyExists`.
  public func createSoftLink(_ name: String, to path: String) throws {
    let place = handle.naming(name)
    try checkNew(name, at: place)
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw HDF5Error(.invalidName, "the target of a soft link is empty or holds a null character", at: place)
    }
    let links = try linkProperties(at: place)
    try check("link '\(place.object)' to '\(path)'", at: place) {
      // Safe because the library copies the names.
      unsafe H5Lcreate_soft(path, place.raw, name, links.raw, chdf5_default())
    }
  }

  private func checkNew(_ name: String, at place: HDF5Handle) throws {
    // HDF5 would take "a//b", "./c" and "d/" for "a/b", "c" and "d".
    guard !name.isEmpty, name != ".", !name.utf8.contains(0x2F), !name.utf8.contains(0) else {
      throw HDF5Error(
        .invalidName, "the name '\(name)' is empty, is '.', or holds a slash or a null character", at: handle)
    }
    guard try !contains(name) else {
      throw HDF5Error(.alreadyExists, "there is a '\(place.object)' already", at: place)
    }
  }
}

/// Properties of new groups and of files, whose root is a group: no times, and the order of creation on request.
///
/// - Parameter kind: the class of the list; a function, because asking for it is a call of the library.
func groupProperties(
  _ kind: () -> Int64, tracksCreationOrder: Bool, at place: HDF5Handle
) throws(HDF5Error) -> Identifier {
  let list = try Identifier("make a property list", at: place) { H5Pcreate(kind()) }
  // Times would make the same input give different bytes.
  try check("turn off object times", at: place) { H5Pset_obj_track_times(list.raw, false) }
  if tracksCreationOrder {
    try check("keep the order of members", at: place) { H5Pset_link_creation_order(list.raw, chdf5_tracked_order()) }
    try check("keep the order of attributes", at: place) {
      H5Pset_attr_creation_order(list.raw, chdf5_tracked_order())
    }
  }
  return list
}

private func linkProperties(at place: HDF5Handle) throws(HDF5Error) -> Identifier {
  let list = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_link_creation()) }
  try check("set the encoding of a name", at: place) { H5Pset_char_encoding(list.raw, H5T_CSET_UTF8) }
  return list
}
