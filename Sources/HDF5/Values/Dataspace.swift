internal import CTensorFerryHDF5
internal import TensorFerryHDF5Reading

/// The shape of a dataset or attribute: nothing at all, or dimensions, of which a scalar has none.
struct Dataspace: ~Copyable {
  let identifier: Identifier
  let dimensions: [UInt64]
  let isNull: Bool
  /// The dimensions that may grow without end.
  private(set) var unlimitedAxes: [Int] = []

  var raw: Int64 { identifier.raw }

  /// A new space; `nil` dimensions make a null space. An unlimited maximum is nil.
  init(_ dimensions: [UInt64]?, maximum: [UInt64?]? = nil, at place: HDF5Handle) throws(HDF5Error) {
    isNull = dimensions == nil
    self.dimensions = dimensions ?? []
    guard let dimensions, !dimensions.isEmpty else {
      let kind = isNull ? H5S_NULL : H5S_SCALAR
      identifier = try Identifier("make a dataspace", at: place) { H5Screate(kind) }
      return
    }
    guard dimensions.count <= 32 else {
      throw HDF5Error(.invalidOptions, "\(dimensions.count) dimensions, HDF5 has at most 32", at: place)
    }
    let limits = maximum?.map { $0 ?? chdf5_unlimited() } ?? dimensions
    guard limits.count == dimensions.count else {
      throw HDF5Error(
        .invalidOptions, "\(limits.count) maximum dimensions for \(dimensions.count) dimensions", at: place)
    }
    identifier = try Identifier("make a dataspace of \(dimensions)", at: place) {
      // Safe because both arrays have as many elements as the rank that is passed.
      unsafe H5Screate_simple(Int32(dimensions.count), dimensions, limits)
    }
  }

  /// Describes the space that `call` returns.
  init(_ operation: @autoclosure () -> String, at place: HDF5Handle, adopting call: () -> Int64) throws(HDF5Error) {
    let identifier = try Identifier(operation(), at: place, adopting: call)
    let space = identifier.raw
    let kind = try check("read the kind of the dataspace", at: place) {
      H5Sget_simple_extent_type(space).rawValue
    }
    let rank = try check("read the rank", at: place) { H5Sget_simple_extent_ndims(space) }
    var dimensions = [UInt64](repeating: 0, count: Int(rank))
    var maximum = dimensions
    if rank > 0 {
      // Safe because the arrays have as many elements as the rank that the library gave.
      try check("read the dimensions", at: place) { unsafe H5Sget_simple_extent_dims(space, &dimensions, &maximum) }
    }
    unlimitedAxes = maximum.indices.filter { maximum[$0] == chdf5_unlimited() }
    self.identifier = identifier
    self.dimensions = dimensions
    isNull = H5S_class_t(rawValue: kind) == H5S_NULL
  }

  /// Selects a hyperslab of this space.
  func select(_ slab: HDF5Hyperslab, at place: HDF5Handle) throws(HDF5Error) {
    try slab.validate(in: dimensions, at: place)
    guard !dimensions.isEmpty, slab.elementCount > 0 else {
      if slab.elementCount == 0 { try check("select nothing", at: place) { H5Sselect_none(raw) } }
      return
    }
    try check("select a hyperslab", at: place) {
      // Safe because validation has found one number for each dimension in all three arrays.
      unsafe H5Sselect_hyperslab(raw, H5S_SELECT_SET, slab.start, slab.stride, slab.count, nil)
    }
  }
}
