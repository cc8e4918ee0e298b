internal import TensorFerryHDF5
internal import TensorFerryZlib

/// The C libraries that see bytes of weight files.
package enum CLibraries {
  /// Name and version of each, and what it is used for.
  package static var uses: [(library: String, use: String)] {
    [
      (
        "libhdf5 \(HDF5File.libraryVersion)",
        "reads the metadata of HDF5 files and writes that of new ones; tensors are read, decoded and written without it"
      ),
      (
        "zlib \(ZlibLibrary.version)",
        "inflates members of archives and chunks of HDF5 files, each to a size known before"
      ),
      ("liblzf", "decompresses chunks of h5py's lzf, each to a size known before"),
    ]
  }
}
