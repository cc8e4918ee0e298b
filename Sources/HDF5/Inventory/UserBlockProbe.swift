internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Finds out whether libhdf5 counts the user block in the addresses of chunks, which differs between its versions.
enum UserBlockProbe {
  /// What to add to the address of a chunk to get its offset in the file, or nil if that could not be found out.
  static func correction(userBlockSize: UInt64) -> UInt64? {
    countsUserBlock.map { $0 ? 0 : userBlockSize }
  }

  private static let countsUserBlock: Bool? = try? probe()

  /// Makes a file in memory with a user block that is larger than all the rest: an address inside of it is one that
  /// does not count it.
  private static func probe() throws(HDF5Error) -> Bool {
    let place = HDF5Handle(file: "probe in memory")
    let blockSize: UInt64 = 1 << 20
    let access = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_file_access()) }
    try check("choose the driver for memory", at: place) { H5Pset_fapl_core(access.raw, 1 << 16, false) }
    let creation = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_file_creation()) }
    try check("set the user block", at: place) { H5Pset_userblock(creation.raw, blockSize) }
    let file = try Identifier("create a file in memory", at: place) {
      // Safe because the library copies the path, and makes no file of that name.
      unsafe H5Fcreate("tensorferry-probe", chdf5_truncate(), creation.raw, access.raw)
    }
    let root = HDF5Group(
      try Identifier("open the root group", at: place) {
        // Safe because the library keeps no pointer to the name.
        unsafe H5Gopen2(file.raw, "/", chdf5_default())
      }, at: place)
    let dataset = try root.createProbe()
    try check("write the file", at: place) { H5Fflush(file.raw, H5F_SCOPE_GLOBAL) }
    var address: UInt64 = 0
    try check("find the chunk", at: place) {
      // Safe because the dataset has one dimension.
      let chunk = unsafe chdf5_chunk_at(dataset.handle.raw, [0])
      address = chunk.address
      return chunk.address == chdf5_undefined_address() ? -1 : chunk.status
    }
    return address >= blockSize
  }
}

extension HDF5Group {
  fileprivate func createProbe() throws(HDF5Error) -> HDF5Dataset {
    do {
      let dataset = try createDataset(
        "probe", .integer(bits: 8, isSigned: false), dimensions: [8], options: HDF5DatasetOptions(layout: .chunked([8]))
      )
      try dataset.write(bytes: [1, 2, 3, 4, 5, 6, 7, 8])
      return dataset
    } catch let error as HDF5Error {
      throw error
    } catch {
      throw HDF5Error(.libraryFailure, "\(error)")
    }
  }
}
