internal import TensorFerryTensors

extension MappingPlan {
  /// Parameters that the plan computes from several others, with the largest relative difference between their elements
  /// and those that PyTorch computes in the parameters' own precision.
  ///
  /// Only parameters are listed whose difference is relative to each element: weights that were normalised
  /// (`weight_norm`), and weights that were folded with a batch norm, whose biases are not.
  public var computedParameters: [String: Double] {
    var computed: [String: Double] = [:]
    for step in steps {
      for (index, transform) in step.transforms.enumerated() {
        guard let target = step.targets.first, let difference = transform.relativeDifference(of: step.types[index])
        else { continue }
        computed[target] = max(computed[target] ?? 0, difference)
      }
    }
    return computed
  }
}

extension TensorTransform {
  /// How far two ways of computing the first result may be apart, relative to each of its elements; nil if the result
  /// is copied or rounded from one number.
  ///
  /// With u the unit roundoff and n squares to add, the norm in any order is off by at most `gamma(n + 1) / 2` and a
  /// root, the division and the product by u each, and our own result is rounded once: `gamma(n / 2 + 5)` in all
  /// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Squares that underflow are not counted.
  func relativeDifference(of types: [TensorType]) -> Double? {
    guard let last = types.last, let unit = last.dtype.unitRoundoff else { return nil }
    func gamma(_ count: Double) -> Double { count * unit < 1 ? count * unit / (1 - count * unit) : .infinity }
    switch self {
    case .weightNorm(let axis):
      return gamma(Double(last.shape.elementCount / max(1, last.shape[axis])) / 2 + 5)
    // The sum with epsilon, the root, the division and the product, and our own rounding.
    case .batchNorm: return gamma(6)
    default: return nil
    }
  }
}

extension DType {
  /// The largest relative error of rounding to this type; nil for types that are not floating-point.
  fileprivate var unitRoundoff: Double? {
    switch self {
    case .f64: 0x1p-53
    case .f32: 0x1p-24
    case .f16: 0x1p-11
    case .bf16: 0x1p-8
    default: nil
    }
  }
}
