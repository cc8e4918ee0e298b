/// How much of one parameter is proven to have the reference's bits, from what linear stages gave in float64.
///
/// The reference's parameters are float32 numbers, as ours are. So where the difference is certainly smaller than the
/// distance to the next float32 number, there is none.
public struct ParameterIdentity: Hashable, Sendable {
  /// An element that is proven to be another number in the reference.
  public struct Difference: Hashable, Sendable {
    public let index: [Int]
    public let ours: Float
    /// About the reference's number, good to `radius`.
    public let reference: Double
    public let radius: Double
  }

  public let parameter: String
  /// How many elements are proven equal, bit for bit.
  public internal(set) var proven = 0
  /// How many are proven to be other numbers.
  public internal(set) var different = 0
  public let total: Int
  /// Why the others are not told, or nil if there are none.
  public internal(set) var reason: String?
  /// The first that is proven to be another number.
  public internal(set) var firstDifference: Difference?

  init(_ parameter: String, total: Int) {
    self.parameter = parameter
    self.total = total
  }
}
