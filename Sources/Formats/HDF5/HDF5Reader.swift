internal import TensorFerryHDF5Reading

#if LibHDF5
  internal import TensorFerryHDF5
#endif

/// Who finds out what an HDF5 file holds and where. The data itself is read in the same way after either.
public enum HDF5Reader: String, CaseIterable, Sendable {
  /// This library, in memory-safe Swift: for files from anyone.
  case parser
  /// libhdf5, to compare: for files that are trusted, because it has memory errors that a hostile file can use.
  case libhdf5

  /// - Throws: ``HDF5Error``, and ``WeightFileError`` with code `.unsupported` if this build has no libhdf5.
  func inventory(of path: String) throws -> HDF5Inventory {
    switch self {
    case .parser: return try HDF5Inventory(describing: path)
    case .libhdf5:
      #if LibHDF5
        return try HDF5Inventory(describingWithLibrary: path)
      #else
        throw WeightFileError(
          .unsupported, "this build reads HDF5 without libhdf5, and has none", file: path, format: HDF5Format.name)
      #endif
    }
  }
}
