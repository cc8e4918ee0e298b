internal import TensorFerryHDF5Reading

/// A rectangular part of a dataset: in each dimension `count` indices from `start` on, `stride` apart.
public struct HDF5Hyperslab: Hashable, Sendable {
  public let start: [UInt64]
  public let count: [UInt64]
  public let stride: [UInt64]

  /// - Parameter stride: 1 in every dimension if nil.
  /// - Precondition: the arrays have the same number of elements.
  public init(start: [UInt64], count: [UInt64], stride: [UInt64]? = nil) {
    precondition(
      start.count == count.count && stride.map { $0.count == start.count } ?? true,
      "a hyperslab needs as many starts (\(start.count)) as counts (\(count.count)) and strides")
    self.start = start
    self.count = count
    self.stride = stride ?? [UInt64](repeating: 1, count: start.count)
  }

  /// Everything.
  init(all dimensions: [UInt64]) {
    self.init(start: dimensions.map { _ in 0 }, count: dimensions)
  }

  /// The number of selected elements. Only meaningful after ``validate(in:at:)``.
  var elementCount: Int { count.reduce(1) { $0 * Int($1) } }

  /// - Throws: ``HDF5Error`` with code `.outOfRange` unless every index lies inside of `dimensions`.
  func validate(in dimensions: [UInt64], at place: HDF5Handle) throws(HDF5Error) {
    guard start.count == dimensions.count else {
      throw HDF5Error(
        .outOfRange, "a selection of rank \(start.count) in a dataset of rank \(dimensions.count)", at: place)
    }
    for axis in dimensions.indices where count[axis] > 0 {
      let (steps, stepsOverflow) = stride[axis].multipliedReportingOverflow(by: count[axis] - 1)
      let (last, overflow) = start[axis].addingReportingOverflow(steps)
      guard !stepsOverflow, !overflow, stride[axis] > 0, last < dimensions[axis] else {
        throw HDF5Error(
          .outOfRange,
          "dimension \(axis) of \(dimensions[axis]): \(count[axis]) indices from \(start[axis]), \(stride[axis]) apart",
          at: place)
      }
    }
  }
}
