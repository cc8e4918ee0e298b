/// The parameter that the reference was made with, as far as the recorded values tell it.
public struct Tomography: Hashable, Sendable {
  public struct Element: Hashable, Sendable {
    public let index: [Int]
    public let ours: Float
    /// What the reference was made with, good to `radius`.
    public let reference: Double
    /// Rigorous: rounding of the recorded values and of the solution is in it.
    public let radius: Double
  }

  /// The most elements that are listed.
  static let maximumListed = 16

  public let parameter: String
  public let stage: String
  /// Which values it was solved from.
  public let certificate: Certificate.Kind
  /// How many elements were solved for.
  public let solved: Int
  /// How many of them are certainly other numbers.
  public let differing: Int
  /// The first of those, at most 16.
  public let elements: [Element]
}
