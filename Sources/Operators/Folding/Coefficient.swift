internal import CTensorFerryBLAS
internal import TensorFerryTensors

/// A matrix that is computed from a model's parameters: an expression until it is known which ones are needed.
indirect enum Coefficient: Hashable {
  /// The rows of a parameter that a stage takes; a bias is one column.
  case parameter(String, part: Linear.Part)
  case product(Coefficient, Coefficient)
  case sum(Coefficient, Coefficient)

  /// `weight * bias + more`, where what is nil is 0.
  static func affine(_ weight: Coefficient, _ bias: Coefficient?, plus more: Coefficient?) -> Coefficient? {
    let product = bias.map { Coefficient.product(weight, $0) }
    guard let product, let more else { return product ?? more }
    return .sum(product, more)
  }
}

/// Rows and columns of Doubles, row-major.
struct CoefficientMatrix {
  let rows: Int
  let columns: Int
  var elements: [Double]
}

extension Coefficient {
  /// The rows and columns.
  ///
  /// - Parameter shapes: of the parameters.
  func size(_ shapes: [String: Shape]) -> (rows: Int, columns: Int) {
    switch self {
    case .parameter(let name, let part):
      let shape = shapes[name]!
      return (shape[0] / part.count, shape.rank == 2 ? shape[1] : 1)
    case .product(let left, let right): return (left.size(shapes).rows, right.size(shapes).columns)
    case .sum(let left, _): return left.size(shapes)
    }
  }

  /// The value, in Double: products of float32 numbers are exact there, and what sums lose is far below the one
  /// rounding to float32 that follows.
  func value(_ parameters: [String: ArrayView<Float>]) -> CoefficientMatrix {
    switch self {
    case .parameter(let name, let part):
      let view = parameters[name]!
      let (rows, columns) = size([name: view.shape])
      let first = part.index * rows * columns
      return CoefficientMatrix(
        rows: rows, columns: columns, elements: view.values[first..<first + rows * columns].map(Double.init))
    case .product(let left, let right):
      let (left, right) = (left.value(parameters), right.value(parameters))
      var result = CoefficientMatrix(
        rows: left.rows, columns: right.columns, elements: [Double](repeating: 0, count: left.rows * right.columns))
      guard !result.elements.isEmpty, left.columns > 0 else { return result }
      cblas_dgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(left.rows), Int32(right.columns), Int32(left.columns), 1,
        left.elements, Int32(left.columns), right.elements, Int32(right.columns), 0, &result.elements,
        Int32(right.columns))
      return result
    case .sum(let left, let right):
      var result = left.value(parameters)
      for (index, element) in right.value(parameters).elements.enumerated() { result.elements[index] += element }
      return result
    }
  }
}
