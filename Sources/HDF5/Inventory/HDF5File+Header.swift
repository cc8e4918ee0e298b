internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5File {
  /// What the head of the file says.
  func header() throws(HDF5Error) -> (version: Int, userBlockSize: UInt64) {
    let creation = try creationProperties()
    var userBlockSize: UInt64 = 0
    // Safe because the library fills the one value that it is given.
    try check("read the size of the user block", at: handle) { unsafe H5Pget_userblock(creation.raw, &userBlockSize) }
    var info = H5F_info2_t()
    // Safe because the library fills the one struct that it is given.
    try check("read the version of the file", at: handle) { unsafe H5Fget_info2(handle.raw, &info) }
    return (Int(info.super.version), userBlockSize)
  }
}
