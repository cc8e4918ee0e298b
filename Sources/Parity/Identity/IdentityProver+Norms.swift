internal import TensorFerryOperators

extension IdentityProver {
  /// Judges the weights and biases of a layer norm by the rows of all cases.
  mutating func add(_ norm: NormEvidence) {
    if norm.extremes.isEmpty {
      let reason = norm.obstacle ?? "the reference has no float64 values of stage '\(norm.stage.name)' and its input"
      for name in [norm.weight, norm.bias] { note(reason, name) }
      return
    }
    let estimates = norm.extremes.indices.map(norm.estimates)
    let untold = estimates.indices.filter { estimates[$0] == nil }
    if let first = untold.first {
      let others = untold.count > 1 ? " and \(untold.count - 1) others are" : " is"
      let reason =
        "not identifiable: normalised feature \(first)\(others) about the same in all rows; record more cases"
      for name in [norm.weight, norm.bias] { note(reason, name) }
    }
    update(norm.weight) { record in
      for (feature, estimate) in estimates.enumerated() {
        guard let estimate = estimate?.weight else { continue }
        record.judge(norm.weightValues[feature], estimate.difference, estimate.radius, at: feature)
      }
    }
    update(norm.bias) { record in
      for (feature, estimate) in estimates.enumerated() {
        guard let estimate = estimate?.bias else { continue }
        record.judge(norm.biasValues[feature], estimate.difference, estimate.radius, at: feature)
      }
    }
  }
}
