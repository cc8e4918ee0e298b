/// A matrix of any size in a bounded number of cells, each with the worst of its elements.
///
/// Elements come one at a time, and how many there will be need not be known: where a side has no more room, two
/// neighbours become one.
public struct CellMap: Hashable, Sendable {
  /// The most cells along each side.
  public let side: Int
  /// How many rows and columns of elements there are.
  public private(set) var rowCount = 0
  public private(set) var columnCount = 0
  /// How many rows and columns of elements one cell stands for.
  public private(set) var rowStep = 1
  public private(set) var columnStep = 1
  /// Empty until there is an element; -1 where a cell has none.
  private var cells: [Double] = []

  /// - Precondition: `side` is an even number.
  public init(side: Int = 64) {
    precondition(side > 0 && side % 2 == 0, "\(side) cells cannot be halved")
    self.side = side
  }

  /// How many rows and columns of cells there are.
  public var rows: Int { (rowCount + rowStep - 1) / rowStep }
  public var columns: Int { (columnCount + columnStep - 1) / columnStep }

  /// The worst element of a cell in the sense of ``Certificate``: above 1, then NaN, then the largest; nil if it has
  /// none.
  public subscript(row: Int, column: Int) -> Double? {
    guard (0..<rows).contains(row), (0..<columns).contains(column) else { return nil }
    let value = cells[row * side + column]
    return value == -1 ? nil : value
  }

  /// - Parameter value: 0 or more, or NaN.
  package mutating func add(_ value: Double, row: Int, column: Int) {
    if cells.isEmpty { cells = [Double](repeating: -1, count: side * side) }
    while row / rowStep >= side { halveRows() }
    while column / columnStep >= side { halveColumns() }
    rowCount = max(rowCount, row + 1)
    columnCount = max(columnCount, column + 1)
    let place = row / rowStep * side + column / columnStep
    if Certificate.isWorse(value, than: cells[place]) { cells[place] = value }
  }

  private mutating func halveRows() {
    merge(along: (side, 1))
    rowStep *= 2
  }

  private mutating func halveColumns() {
    merge(along: (1, side))
    columnStep *= 2
  }

  /// Makes one of each two neighbours.
  ///
  /// - Parameter strides: from a cell to its neighbour, and to the next one across.
  private mutating func merge(along strides: (neighbour: Int, across: Int)) {
    let old = cells
    cells = [Double](repeating: -1, count: side * side)
    for half in 0..<side / 2 {
      for other in 0..<side {
        let first = 2 * half * strides.neighbour + other * strides.across
        let (one, two) = (old[first], old[first + strides.neighbour])
        cells[half * strides.neighbour + other * strides.across] = Certificate.isWorse(two, than: one) ? two : one
      }
    }
  }
}
