internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

extension HDF5DatasetOptions {
  /// Makes the property list of libhdf5 for a new dataset.
  ///
  /// - Throws: ``HDF5Error`` with code `.invalidOptions` if the options contradict each other or the shape.
  func properties(
    for type: borrowing Datatype, dimensions: [UInt64]?, at place: HDF5Handle
  ) throws(HDF5Error) -> Identifier {
    try validate(dimensions, at: place)
    let list = try Identifier("make a property list", at: place) { H5Pcreate(chdf5_class_dataset_creation()) }
    // Times would make the same input give different bytes.
    try check("turn off object times", at: place) { H5Pset_obj_track_times(list.raw, false) }
    if tracksAttributeOrder {
      try check("keep the order of attributes", at: place) {
        H5Pset_attr_creation_order(list.raw, chdf5_tracked_order())
      }
    }
    switch layout {
    case .contiguous: break
    case .contiguousAllocatedEarly:
      try check("set early allocation", at: place) { H5Pset_alloc_time(list.raw, H5D_ALLOC_TIME_EARLY) }
    case .compact:
      try check("set a compact layout", at: place) { H5Pset_layout(list.raw, H5D_COMPACT) }
    case .chunked(let chunk):
      // Safe because the array has as many elements as the rank that is passed.
      try check("set chunks of \(chunk)", at: place) { unsafe H5Pset_chunk(list.raw, Int32(chunk.count), chunk) }
      for filter in filters { try add(filter, to: list, at: place) }
    }
    if let fillValue {
      let size = try type.byteCount(at: place)
      guard fillValue.count == size, type.element.byteCount == size else {
        throw HDF5Error(.invalidOptions, "a fill value of \(fillValue.count) bytes for elements of \(size)", at: place)
      }
      let memory = try Datatype(type.element, at: place)
      // Safe because the value has exactly the size of one element of the type that is passed.
      try check("set the fill value", at: place) { unsafe H5Pset_fill_value(list.raw, memory.raw, fillValue) }
    }
    return list
  }

  private func add(_ filter: HDF5Filter, to list: borrowing Identifier, at place: HDF5Handle) throws(HDF5Error) {
    switch filter {
    case .shuffle: try check("add the shuffle filter", at: place) { H5Pset_shuffle(list.raw) }
    case .deflate(let level):
      try check("add the deflate filter", at: place) { H5Pset_deflate(list.raw, UInt32(level)) }
    case .fletcher32: try check("add the checksum filter", at: place) { H5Pset_fletcher32(list.raw) }
    }
  }

  private func validate(_ dimensions: [UInt64]?, at place: HDF5Handle) throws(HDF5Error) {
    func refuse(_ reason: String) -> HDF5Error { HDF5Error(.invalidOptions, reason, at: place) }
    guard case .chunked(let chunk) = layout else {
      guard filters.isEmpty else { throw refuse("filters need chunks, the layout is \(layout)") }
      guard maximumDimensions == nil else { throw refuse("a dataset that grows needs chunks, the layout is \(layout)") }
      return
    }
    let rank = dimensions?.count ?? 0
    guard rank > 0, chunk.count == rank else {
      throw refuse("chunks of rank \(chunk.count) for a dataset of rank \(rank); chunks need the same rank, at least 1")
    }
    guard chunk.allSatisfy({ $0 > 0 && $0 <= UInt32.max }) else {
      throw refuse("chunks of \(chunk), allowed is 1 to \(UInt32.max) in each dimension")
    }
    for case .deflate(let level) in filters where !(0...9).contains(level) {
      throw refuse("deflate level \(level), allowed is 0 to 9")
    }
  }
}
