/// The inputs of a linear stage, row by row, with a column of ones for the bias: what its parameters are solved from.
///
/// With `A` the matrix, its columns scaled by powers of two, `G` about its pseudoinverse and `E = GA - 1`, outputs
/// `A p + e` have `p = G (A p + e) - G e - E p`. What follows holds whatever `G` is; a bad one proves less.
struct DesignMatrix {
  /// Why the parameters cannot be told from these rows.
  enum Failure: Error, Hashable {
    case tooFewRows(Int, unknowns: Int)
    case rank(Int, unknowns: Int)
    case conditioning(Double)
    case range
    case tooLarge(Int)
  }

  /// The most elements of a matrix that is solved; it is held about four times.
  static let maximumElements = 50_000_000

  let rows: Int
  /// Columns of the inputs that are not 0 in every row; the column of ones follows if there is a bias.
  let live: [Int]
  let hasBias: Bool
  /// For each unknown, what its column was multiplied by.
  let scales: [Double]
  /// `G`, `unknowns x rows`.
  let inverse: [Double]
  let inverseMagnitude: [Double]
  /// For each unknown i, a bound on the sum over k of `|E[i, k]| + g (|G||A|)[i, k]`, where `g` is what the reference's
  /// rounding grows by if its parameters are others.
  let contraction: [Double]

  var unknowns: Int { scales.count }

  /// - Parameters:
  ///   - inputs: `rows x features`, row-major, finite.
  ///   - unit: the unit roundoff of the reference.
  init(
    _ inputs: [Double], rows: Int, features: Int, hasBias: Bool, unit: Double = 0x1p-53
  ) throws(Failure) {
    precondition(inputs.count == rows * features)
    self.rows = rows
    self.hasBias = hasBias
    let largest = Self.largestMagnitudes(inputs, rows, features)
    live = largest.indices.filter { largest[$0] > 0 }
    let unknowns = live.count + (hasBias ? 1 : 0)
    guard unknowns > 0 else { throw .tooFewRows(rows, unknowns: features + (hasBias ? 1 : 0)) }
    guard rows >= unknowns else { throw .tooFewRows(rows, unknowns: unknowns) }
    let (elements, overflow) = rows.multipliedReportingOverflow(by: unknowns)
    guard !overflow, elements <= Self.maximumElements else { throw .tooLarge(overflow ? .max : elements) }
    guard live.allSatisfy({ (-500...500).contains(largest[$0].exponent) }) else { throw .range }

    let scales = live.map { Double(sign: .plus, exponent: -Int(largest[$0].exponent), significand: 1) }
    self.scales = scales + (hasBias ? [1] : [])
    var matrix = [Double](repeating: 1, count: elements)  // one run for each column
    for (column, feature) in live.enumerated() {
      for row in 0..<rows {
        let value = inputs[row * features + feature] * scales[column]
        // Scaling is exact but for what it takes below the normal numbers.
        guard value == 0 || value.magnitude >= .leastNormalMagnitude else { throw .range }
        matrix[column * rows + row] = value
      }
    }
    guard let inverse = LinearAlgebra.pseudoinverse(matrix, rows: rows, columns: unknowns) else {
      throw Self.deficiency(matrix, rows, unknowns, .infinity)
    }
    self.inverse = inverse
    inverseMagnitude = inverse.map(\.magnitude)
    contraction = Self.contraction(matrix, inverse, rows, unknowns, features, unit)
    if let bad = contraction.first(where: { !($0 < 0.5) }) { throw Self.deficiency(matrix, rows, unknowns, bad) }
  }

  private static func deficiency(_ matrix: [Double], _ rows: Int, _ unknowns: Int, _ worst: Double) -> Failure {
    let rank = LinearAlgebra.numericalRank(matrix, rows: rows, columns: unknowns)
    return rank < unknowns ? .rank(rank, unknowns: unknowns) : .conditioning(worst)
  }

  private static func largestMagnitudes(_ inputs: [Double], _ rows: Int, _ features: Int) -> [Double] {
    var largest = [Double](repeating: 0, count: features)
    for row in 0..<rows {
      for feature in 0..<features {
        largest[feature] = max(largest[feature], inputs[row * features + feature].magnitude)
      }
    }
    return largest
  }

  private static func contraction(
    _ matrix: [Double], _ inverse: [Double], _ rows: Int, _ unknowns: Int, _ features: Int, _ unit: Double
  ) -> [Double] {
    var product = [Double](repeating: 0, count: unknowns * unknowns)
    LinearAlgebra.multiply(
      inverse, matrix, rows: unknowns, terms: rows, columns: unknowns, transposed: true, into: &product)
    var sums = [Double](repeating: 0, count: rows)  // of the magnitudes in each row of the matrix
    for column in 0..<unknowns {
      for row in 0..<rows { sums[row] += matrix[column * rows + row].magnitude }
    }
    // The rounding of the product, and that of the reference.
    let growth = Outward.gamma(rows + 2) + Outward.gamma(features + 2, unit)
    return (0..<unknowns).map { i in
      var spread = 0.0
      for k in 0..<unknowns { spread += (product[i * unknowns + k] - (i == k ? 1 : 0)).magnitude }
      var magnitude = 0.0
      for row in 0..<rows { magnitude += inverse[i * rows + row].magnitude * sums[row] }
      let underflow = Double(rows + unknowns) * Double(unknowns) * .leastNormalMagnitude
      return Outward.sum(spread + growth * magnitude + underflow, terms: rows + unknowns)
    }
  }
}
