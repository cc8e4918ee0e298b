/// How many pairs of positive numbers there are in each cell of a grid whose sides are powers of 2.
public struct LogCells: Hashable, Sendable {
  public struct Cell: Hashable, Sendable {
    /// The exponents of 2, divided by ``LogCells/step``.
    public let x: Int
    public let y: Int
  }

  /// The most cells that are told apart; the grid gets coarser where there are more.
  static let capacity = 2048

  public private(set) var counts: [Cell: Int] = [:]
  /// How many powers of 2 a side of a cell spans.
  public private(set) var step = 1

  public init() {}

  /// In a fixed order.
  public var cells: [(cell: Cell, count: Int)] {
    counts.sorted { ($0.key.x, $0.key.y) < ($1.key.x, $1.key.y) }.map { ($0.key, $0.value) }
  }

  package mutating func add(x: Double, y: Double) {
    counts[Cell(x: Self.exponent(x).floorDivided(by: step), y: Self.exponent(y).floorDivided(by: step)), default: 0] +=
      1
    while counts.count > Self.capacity { coarsen() }
  }

  /// Takes in what others counted.
  package mutating func add(_ other: LogCells) {
    var other = other
    while other.step < step { other.coarsen() }
    while step < other.step { coarsen() }
    counts.merge(other.counts, uniquingKeysWith: +)
    while counts.count > Self.capacity { coarsen() }
  }

  private mutating func coarsen() {
    step *= 2
    counts = Dictionary(
      counts.map { (Cell(x: $0.key.x.floorDivided(by: 2), y: $0.key.y.floorDivided(by: 2)), $0.value) },
      uniquingKeysWith: +)
  }

  /// That of the smallest and the largest number for 0 and for infinity.
  static func exponent(_ value: Double) -> Int {
    value > 0 ? (value.isFinite ? Int(value.exponent) : 1024) : -1075
  }
}

extension Int {
  fileprivate func floorDivided(by divisor: Int) -> Int {
    self >= 0 ? self / divisor : (self + 1) / divisor - 1
  }
}
