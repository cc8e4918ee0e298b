/// Something that a verdict takes for granted: a difference above its bound proves that the weights or the stages are
/// others, *or* that one of these does not hold.
public struct Assumption: Hashable, Sendable {
  public enum Status: String, CaseIterable, Sendable {
    /// The reference, or what was computed from it, shows that it holds.
    case checked
    /// Nothing shows it, and nothing speaks against it.
    case assumed
    /// The reference says that it does not hold.
    case violated
  }

  /// `A1` to `A6`.
  public let id: String
  public let statement: String
  public let status: Status
  /// What the status rests on.
  public let evidence: String
}
