internal import CTensorFerryBLAS

/// Products and factorisations in Double by BLAS and LAPACK; matrices are dense.
///
/// Of a product it is assumed that each element is a sum of rounded or fused products in some order, as of the
/// reference. Of a factorisation nothing is assumed: what comes out is measured, not trusted.
enum LinearAlgebra {
  /// `result = left * right + (accumulate ? result : 0)`, row-major: `left` is `rows x terms`, `right` is
  /// `terms x columns`, or `columns x terms` if `transposed`.
  ///
  /// - Precondition: no dimension exceeds `Int32.max`.
  static func multiply(
    _ left: [Double], _ right: [Double], rows: Int, terms: Int, columns: Int, transposed: Bool = false,
    into result: inout [Double], accumulate: Bool = false
  ) {
    precondition(left.count == rows * terms && right.count == terms * columns && result.count == rows * columns)
    guard rows > 0, columns > 0, terms > 0 else { return }
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(columns), Int32(terms), 1,
      left, Int32(terms), right, Int32(transposed ? terms : columns), accumulate ? 1 : 0, &result, Int32(columns))
  }

  /// About the pseudoinverse of a matrix of full column rank, from its QR factorisation.
  ///
  /// - Parameter matrix: `columns x rows`, row-major: each column of the matrix is one run.
  /// - Returns: `columns x rows`, row-major, or nil where LAPACK gives none.
  static func pseudoinverse(_ matrix: [Double], rows: Int, columns: Int) -> [Double]? {
    precondition(matrix.count == rows * columns && rows >= columns && columns > 0)
    let (m, n) = (Int32(rows), Int32(columns))
    var q = matrix
    var tau = [Double](repeating: 0, count: columns)
    let factored = withWorkspace { work, size in tensorferry_dgeqrf(m, n, &q, &tau, work, size) }
    guard factored else { return nil }
    let r = upperTriangle(q, rows, columns)
    let diagonal = (0..<columns).map { r[$0 * columns + $0].magnitude }
    guard let most = diagonal.max(), diagonal.allSatisfy({ $0 > most * 0x1p-50 }) else { return nil }
    let formed = withWorkspace { work, size in tensorferry_dorgqr(m, n, &q, tau, work, size) }
    guard formed else { return nil }
    // The transpose of R^-1 Q^T in LAPACK's order of columns is R^-1 Q^T in the order of rows.
    cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, m, n, 1, r, n, &q, m)
    return q
  }

  /// How many columns are independent as far as Double can tell: the pivots of a QR factorisation above a share of the
  /// largest. It explains a failure and proves nothing.
  static func numericalRank(_ matrix: [Double], rows: Int, columns: Int) -> Int {
    precondition(matrix.count == rows * columns && rows >= columns && columns > 0)
    var q = matrix
    var tau = [Double](repeating: 0, count: columns)
    var pivots = [Int32](repeating: 0, count: columns)
    let factored = withWorkspace { work, size in
      tensorferry_dgeqp3(Int32(rows), Int32(columns), &q, &pivots, &tau, work, size)
    }
    guard factored else { return 0 }
    let least = q[0].magnitude * Double(rows) * 0x1p-50
    return (0..<columns).count { q[$0 * rows + $0].magnitude > least }
  }

  /// R in LAPACK's order of columns.
  private static func upperTriangle(_ q: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    var r = [Double](repeating: 0, count: columns * columns)
    for j in 0..<columns {
      for i in 0...j { r[j * columns + i] = q[j * rows + i] }
    }
    return r
  }

  /// Asks a routine how much memory it works best with, and runs it; true if it reports no failure.
  private static func withWorkspace(_ routine: (UnsafeMutablePointer<Double>, Int32) -> Int32) -> Bool {
    var best = 0.0
    guard routine(&best, -1) == 0, best >= 1, best < Double(Int32.max) else { return false }
    var work = [Double](repeating: 0, count: Int(best))
    return routine(&work, Int32(work.count)) == 0
  }
}
