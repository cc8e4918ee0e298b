internal import TensorFerryOperators
internal import TensorFerryTensors

extension LinearLayer {
  /// What is usual for the differences of the evidence; nil for weights that were computed.
  func deviation(of evidence: LinearEvidence, shape: Shape) throws -> ArrayView<Double>? {
    guard weightDifference == 0 else { return nil }
    func squares(_ values: [Double]) -> [Double] { values.map { $0 * $0 } }
    let sums = LinearEvidence.evaluate(
      squares(evidence.inputs), squares(weightValues.map(Double.init)), nil, evidence.rows, features, outputs)
    let biases = biasValues?.map(Double.init)
    let deviations = sums.indices.map { offset in
      Rounding.float64.deviationOfSum(
        terms: features, squares: sums[offset], sum: evidence.oracle[offset], bias: biases?[offset % outputs])
    }
    return try ArrayView(deviations, shape: shape)
  }
}
