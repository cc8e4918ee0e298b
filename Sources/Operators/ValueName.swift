/// What a stage takes as an operand.
///
/// The kinds are cases and not prefixes, so that an input `fc`, a stage `fc` and a parameter `fc` are three things.
public enum ValueName: Hashable, Sendable, CustomStringConvertible {
  case input(String)
  case parameter(String)
  case stage(String)

  public var description: String {
    switch self {
    case .input(let name): "input '\(name)'"
    case .parameter(let name): "parameter '\(name)'"
    case .stage(let name): "stage '\(name)'"
    }
  }
}
