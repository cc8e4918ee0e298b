public import TensorFerryTensors

/// What a model declares of one of its inputs: its name and what its dimensions mean.
public struct InputSpec: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// Numbers: `F32`, or `F16` and `BF16`, which widen.
    case real
    /// Truth values: `BOOL`. The stages see 1 for true and 0 for false.
    case mask
  }

  public let name: String
  /// The meaning of each dimension, outermost first, for example `["batch", "positions", "features"]`.
  public let dimensions: [String]
  /// The dimension that may be left out, and is then 1.
  public let optionalDimension: String?
  public let kind: Kind
  /// Whether the input may be left out as a whole: it is then a mask of nothing. Its dimensions are those of the other
  /// inputs with the same meaning.
  public let mayBeAbsent: Bool

  public init(_ name: String, _ dimensions: [String], optional: String? = nil) {
    self.name = name
    self.dimensions = dimensions
    optionalDimension = optional
    kind = .real
    mayBeAbsent = false
  }

  /// A mask, which is all false where it is not given.
  public init(mask name: String, _ dimensions: [String]) {
    self.name = name
    self.dimensions = dimensions
    optionalDimension = nil
    kind = .mask
    mayBeAbsent = true
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

  /// Whether a tensor of this type can be given.
  package func accepts(_ dtype: DType) -> Bool { kind == .mask ? dtype == .bool : dtype.widensToFloat32 }

  /// The element types that can be given, for a message.
  package var acceptedTypes: String { kind == .mask ? "BOOL" : "F32, F16 or BF16" }

  /// What the stages see of a tensor that ``accepts(_:)`` takes, or of none.
  package func view(of tensor: Tensor?, shape: Shape) throws -> ArrayView<Float> {
    guard let tensor else { return try MutableArrayView<Float>(shape: shape).finished() }
    guard kind == .mask else { return try ArrayView(tensor).reshaped(shape) }
    return try ArrayView(tensor.bytes.map { $0 == 0 ? 0 : 1 }, shape: shape)
  }

  private var accepted: String {
    let full = "[\(dimensions.joined(separator: ", "))]"
    guard let optionalDimension else { return full }
    return full + " or [\(dimensions.filter { $0 != optionalDimension }.joined(separator: ", "))]"
  }
}
