internal import TensorFerryZlib

#if LibHDF5
  internal import TensorFerryHDF5
#endif

/// The C libraries that see bytes of weight files.
package enum CLibraries {
  /// Name and version of each, and what it is used for.
  package static var uses: [(library: String, use: String)] {
    var uses: [(library: String, use: String)] = []
    #if LibHDF5
      uses.append(
        (
          "libhdf5 \(HDF5File.libraryVersion)",
          "writes the metadata of HDF5 files, and reads it if --reader libhdf5 asks for it; nothing else reads by it"
        ))
    #endif
    uses.append(
      (
        "zlib \(ZlibLibrary.version)",
        "inflates members of archives and chunks of HDF5 files, each to a size known before"
      ))
    uses.append(("liblzf", "decompresses chunks of h5py's lzf, each to a size known before"))
    return uses
  }
}
