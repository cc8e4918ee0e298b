internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// What has members: a file (those of its root group) and a group.
public protocol HDF5Container: ~Copyable {
  var handle: HDF5Handle { get }
}

/// A name in a group and what it leads to.
public struct HDF5Member: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// An object of this file.
    case hard
    /// A path in this file, which need not exist.
    case soft(to: String)
    /// An object of another file.
    case external(file: String, object: String)
    /// A link of a kind that a program defined for itself.
    case userDefined
  }

  public let name: String
  public let kind: Kind
}

extension HDF5Container where Self: ~Copyable {
  /// The members, in the order of their creation where the group keeps it, else by name. Reads every link once.
  ///
  /// - Throws: ``HDF5Error`` with code `.invalidName` if a name is not UTF-8.
  public func members() throws -> [HDF5Member] {
    let place = handle
    var members: [HDF5Member] = []
    for link in try Links.list(in: place) {
      guard let name = link.name.text else {
        throw HDF5Error(.invalidName, "the member name '\(link.name.display)' is not UTF-8", at: place)
      }
      members.append(HDF5Member(name: name, kind: try link.kind(in: place)))
    }
    return members
  }

  /// True if the path leads to an object or to a link that may dangle.
  public func contains(_ path: String) throws -> Bool {
    try exists(path, in: handle)
  }

  /// Opens the group at a path; soft and external links on the way are followed.
  ///
  /// - Throws: ``HDF5Error`` with code `.notFound` or `.wrongKind`.
  public func group(_ path: String) throws -> HDF5Group {
    HDF5Group(try openObject(path, in: handle, kind: H5I_GROUP, "group"), at: handle.naming(path))
  }

  /// Opens the dataset at a path; soft and external links on the way are followed.
  ///
  /// - Throws: ``HDF5Error`` with code `.notFound` or `.wrongKind`.
  public func dataset(_ path: String) throws -> HDF5Dataset {
    try HDF5Dataset(try openObject(path, in: handle, kind: H5I_DATASET, "dataset"), at: handle.naming(path))
  }
}

private func exists(_ path: String, in place: HDF5Handle) throws(HDF5Error) -> Bool {
  guard !path.utf8.contains(0) else { return false }
  // "H5Lexists() ... if any intermediate link does not exist, the function fails": so each step is asked for.
  // https://support.hdfgroup.org/documentation/hdf5/latest/group___h5_l.html
  var walked = path.hasPrefix("/") ? "/" : ""
  for step in path.split(separator: "/") {
    walked += (walked.isEmpty || walked == "/" ? "" : "/") + step
    let target = walked
    // Safe because the library keeps no pointer to the path. A failure here is a dataset or a dangling link on the way.
    guard Library.call({ unsafe H5Lexists(place.raw, target, chdf5_default()) }) > 0 else { return false }
  }
  return !walked.isEmpty
}

private func openObject(
  _ path: String, in place: HDF5Handle, kind: H5I_type_t, _ noun: String
) throws(HDF5Error) -> Identifier {
  let target = place.naming(path)
  let isThere = path == "/" ? true : try exists(path, in: place)
  guard isThere else {
    throw HDF5Error(.notFound, "there is no \(noun) '\(target.object)'", at: target)
  }
  // Safe because the library keeps no pointer to the path.
  let object = try Identifier("open the \(noun) '\(target.object)'", at: target) {
    unsafe H5Oopen(place.raw, path, chdf5_default())
  }
  guard Library.call({ H5Iget_type(object.raw) }) == kind else {
    throw HDF5Error(.wrongKind, "'\(target.object)' is not a \(noun)", at: target)
  }
  return object
}
