/// A named value that belongs to a file, group or dataset.
public struct HDF5Attribute: Sendable, Hashable {
  public let name: String
  /// `[]` for a scalar, which has one element.
  public let dimensions: [UInt64]
  public let value: HDF5AttributeValue

  public init(name: String, dimensions: [UInt64] = [], value: HDF5AttributeValue) {
    self.name = name
    self.dimensions = dimensions
    self.value = value
  }
}

/// The elements of an attribute, row-major, widened to the largest type of their kind.
public enum HDF5AttributeValue: Sendable, Hashable {
  /// Signed integers of all sizes, and bools as 0 and 1.
  case integers([Int64])
  case unsigned([UInt64])
  /// Floats of all sizes. Widening is exact.
  case floats([Double])
  /// Fixed-length strings without their padding, and variable-length strings.
  case strings([String])
  /// An attribute without elements (h5py's `Empty`).
  case null
  /// A type or content that is not read, described in words.
  case unsupported(String)

  /// The number of elements; 0 for null and unsupported values.
  public var count: Int {
    switch self {
    case .integers(let values): values.count
    case .unsigned(let values): values.count
    case .floats(let values): values.count
    case .strings(let values): values.count
    case .null, .unsupported: 0
    }
  }
}
