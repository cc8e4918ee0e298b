public import TensorFerryTensors

/// What a model declares of one of its inputs: its name and what its dimensions mean.
public struct InputSpec: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// Numbers: `F32`, or `F16` and `BF16`, which widen.
    case real
    /// Truth values: `BOOL`.
    case mask
  }

  public let name: String
  /// The meaning of each dimension, outermost first, for example `["batch", "positions", "features"]`.
  public let dimensions: [String]
  /// The dimension that may be left out, and is then 1.
  public let optionalDimension: String?
  public let kind: Kind

  public init(_ name: String, _ dimensions: [String], optional: String? = nil, kind: Kind = .real) {
    self.name = name
    self.dimensions = dimensions
    optionalDimension = optional
    self.kind = kind
  }

  /// The shape that the stages see: the given one, with 1 for the optional dimension if that was left out.
  ///
  /// - Throws: ``ModelError`` with code `.inputShape` if the number of dimensions is another.
  public func shape(of given: Shape) throws -> Shape {
    if given.rank == dimensions.count { return given }
    if let axis = dimensions.firstIndex(where: { $0 == optionalDimension }), given.rank == dimensions.count - 1 {
      var extended = given.dimensions
      extended.insert(1, at: axis)
      return try Shape(extended)
    }
    throw ModelError(.inputShape, "input '\(name)' has shape \(given), the model takes \(accepted)", name: name)
  }

  private var accepted: String {
    let full = "[\(dimensions.joined(separator: ", "))]"
    guard let optionalDimension else { return full }
    return full + " or [\(dimensions.filter { $0 != optionalDimension }.joined(separator: ", "))]"
  }
}
