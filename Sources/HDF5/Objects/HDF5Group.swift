/// An open group: a list of names that lead to groups and datasets.
///
/// It is closed when it goes out of scope. That of a file that is being created is closed with the file, at the end of
/// ``HDF5File/create(at:options:_:)``.
public struct HDF5Group: ~Copyable, Sendable, HDF5Container, HDF5Attributed {
  public let handle: HDF5Handle
  private let identifier: Identifier

  /// Where the group was found in the file.
  public var path: String { handle.object }

  init(_ identifier: consuming Identifier, at place: HDF5Handle) {
    handle = HDF5Handle(file: place.file, object: place.object, raw: identifier.raw)
    self.identifier = identifier
  }
}
