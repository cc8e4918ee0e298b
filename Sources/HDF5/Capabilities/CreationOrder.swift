internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// Whether an object keeps the order in which its links or attributes were created.
///
/// Asked first, because listing by an order that was not kept may give any order instead of failing.
enum CreationOrder {
  case ofLinks
  case ofAttributes

  func isTracked(by place: HDF5Handle) throws(HDF5Error) -> Bool {
    let isDataset = Library.call { H5Iget_type(place.raw) } == H5I_DATASET
    let properties = try Identifier("read how '\(place.object)' was created", at: place) {
      isDataset ? H5Dget_create_plist(place.raw) : H5Gget_create_plist(place.raw)
    }
    var flags: UInt32 = 0
    try check("read whether '\(place.object)' keeps an order", at: place) {
      // Safe because the library fills the one number that it is given.
      switch self {
      case .ofLinks: unsafe H5Pget_link_creation_order(properties.raw, &flags)
      case .ofAttributes: unsafe H5Pget_attr_creation_order(properties.raw, &flags)
      }
    }
    return flags & chdf5_order_is_tracked() != 0
  }
}
