internal import CTensorFerryHDF5
public import TensorFerryHDF5Reading

extension HDF5Inventory {
  /// Describes a file by means of libhdf5, to compare with what ``init(describing:)`` finds.
  ///
  /// libhdf5 1.10 has memory errors that a hostile file can use: only for files that are trusted. Each object is opened
  /// once for each hard link to it. An object that cannot be described is listed as `.unreadable`; soft and external
  /// links are listed and never followed.
  ///
  /// - Throws: ``HDF5Error`` with code `.unreadableFile`, `.notHDF5`, `.damagedFile` if libhdf5 cannot open the file or
  ///   list its root, or `.limitExceeded` for more than 1,000,000 links.
  /// - Complexity: O(links + attributes), and O(chunks²) within a dataset of chunks, of which 65,536 are the limit.
  public init(describingWithLibrary path: String) throws {
    let byteCount = try FileSignature.find(in: path)
    let file = try HDF5File(opening: path)
    let header = try file.header()
    var walk = FileWalk(
      DatasetDescriber(
        path: path, byteCount: byteCount, userBlockSize: header.userBlockSize, superblockVersion: header.version))
    try walk.descend(from: file.handle)
    self.init(
      path: path, byteCount: byteCount, userBlockSize: header.userBlockSize, superblockVersion: header.version,
      attributes: try readAttributes(of: file.handle, keepsFailures: true), links: walk.links)
  }
}
