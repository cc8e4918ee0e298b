/// Which of many seeded corruptions of the model a reference exposes: how strong the reference is, as a number.
///
/// Each corruption is made in memory, in one parameter or one stage, and only the stages that it touches are judged: all
/// others are fed the reference's own values and see nothing of it.
public struct SelfTest: Hashable, Sendable {
  /// The corruptions of one kind.
  public struct Class: Hashable, Sendable {
    /// For example `one_ulp`.
    public let name: String
    /// How many were made; one that leaves every number as it was does not count.
    public internal(set) var total = 0
    /// How many of them the reference exposes.
    public internal(set) var killed = 0
    /// The one that was exposed with the smallest change, if it was one of numbers.
    public internal(set) var smallest: Fault?
    /// How many were made and exposed, by the stage that takes what they change.
    public internal(set) var stages: [String: Tally] = [:]
    /// What was not exposed, in the order in which it was tried.
    public internal(set) var missed: [Fault] = []

    init(_ name: String) { self.name = name }
  }

  public struct Tally: Hashable, Sendable {
    public internal(set) var total = 0
    public internal(set) var killed = 0
  }

  /// One corruption.
  public struct Fault: Hashable, Sendable {
    /// The parameter, or the stage that was bypassed.
    public let target: String
    /// The stage that takes it, where it is exposed.
    public let stage: String
    /// The largest change of an element; nil if a stage was changed and no number.
    public let size: Double?
  }

  public let seed: UInt64
  /// Those with at least one corruption, in the order of ``Corruption``.
  public let classes: [Class]

  public var total: Int { classes.map(\.total).reduce(0, +) }
  public var killed: Int { classes.map(\.killed).reduce(0, +) }
  /// The smallest change of a number that was exposed.
  public var smallest: Fault? {
    classes.compactMap(\.smallest).min { $0.size ?? .infinity < $1.size ?? .infinity }
  }
}

extension SelfTest.Class {
  mutating func add(_ fault: SelfTest.Fault, isKilled: Bool) {
    total += 1
    stages[fault.stage, default: .init()].total += 1
    if isKilled { stages[fault.stage]?.killed += 1 }
    guard isKilled else {
      missed.append(fault)
      return
    }
    killed += 1
    if let size = fault.size, size < smallest?.size ?? .infinity { smallest = fault }
  }
}

/// Pseudo-random numbers that a seed determines: SplitMix64.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
