/// A filter that chunks pass through when they are written, in order.
public enum HDF5Filter: Hashable, Sendable {
  /// Groups the first bytes of all elements, then the second bytes, ...: makes numbers compress better.
  case shuffle
  /// zlib, level 0 to 9.
  case deflate(level: Int)
  /// A checksum at the end of each chunk.
  case fletcher32
}

/// How a new dataset is stored.
public struct HDF5DatasetOptions: Hashable, Sendable {
  public enum Layout: Hashable, Sendable {
    /// One range of the file, allocated when data is first written.
    case contiguous
    /// One range of the file, allocated at once, so that its offset is known before data is written.
    case contiguousAllocatedEarly
    /// Inside the object header; at most 65,520 bytes or so.
    case compact
    /// Pieces of these dimensions, each stored and filtered on its own.
    case chunked([UInt64])
  }

  public var layout: Layout
  /// Only for chunked datasets.
  public var filters: [HDF5Filter]
  /// The bytes of one element, little-endian, that stands where nothing was written; zeros if nil.
  public var fillValue: [UInt8]?
  /// How far each dimension may grow, nil for without limit; only for chunked datasets. Nil: no dimension grows.
  public var maximumDimensions: [UInt64?]?
  /// True to keep the order in which attributes are created.
  public var tracksAttributeOrder: Bool

  public init(
    layout: Layout = .contiguous, filters: [HDF5Filter] = [], fillValue: [UInt8]? = nil,
    maximumDimensions: [UInt64?]? = nil, tracksAttributeOrder: Bool = false
  ) {
    self.layout = layout
    self.filters = filters
    self.fillValue = fillValue
    self.maximumDimensions = maximumDimensions
    self.tracksAttributeOrder = tracksAttributeOrder
  }
}
