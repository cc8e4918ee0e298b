internal import CTensorFerryBLAS

/// A product of two float32 matrices by BLAS: `result = scale * left * right + (accumulate ? result : 0)`.
///
/// All matrices are row-major and dense. `left` is `rows x terms`; `right` is `terms x columns`, or `columns x terms`
/// if it is to be transposed; `result` is `rows x columns`.
struct MatrixProduct {
  let rows: Int
  let columns: Int
  let terms: Int
  var transposed = false
  var scale: Float = 1
  var accumulate = false

  /// - Precondition: no dimension exceeds `Int32.max`.
  func callAsFunction(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    guard rows > 0, columns > 0 else { return }
    guard terms > 0 else {
      if !accumulate { result.update(repeating: 0, count: rows * columns) }
      return
    }
    let (m, n, k) = (Int32(rows), Int32(columns), Int32(terms))
    let keep: Float = accumulate ? 1 : 0
    if columns == 1 {
      // The right matrix is one vector, however it is stored.
      cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, scale, left, k, right, 1, keep, result, 1)
    } else if rows == 1 {
      cblas_sgemv(
        CblasRowMajor, transposed ? CblasNoTrans : CblasTrans, transposed ? n : k, transposed ? k : n, scale, right,
        transposed ? k : n, left, 1, keep, result, 1)
    } else {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, m, n, k, scale, left, k, right,
        transposed ? k : n, keep, result, n)
    }
  }
}
