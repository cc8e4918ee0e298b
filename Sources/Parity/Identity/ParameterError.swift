/// How far the reference's parameters of a linear stage can be from ours: for each an estimate of the difference, and
/// the radius around it in which the difference certainly lies.
struct ParameterError {
  /// `unknowns x outputs`, as the radius; unknowns in the order of the design.
  private(set) var estimate: [Double]
  private(set) var radius: [Double]

  /// With `p` the differences, `R` the residuals and `B` their bounds, `|p - GR| <= |G| B + C |p|` in each element,
  /// where the rows of `C` have the sums that the design bounds; so the largest element of `p` is at most
  /// `max(|GR| + |G| B) / (1 - c)`, with `c` the largest of those sums.
  init(_ design: DesignMatrix, _ evidence: LinearEvidence) {
    let (unknowns, outputs, rows) = (design.unknowns, evidence.outputs, evidence.rows)
    let residual = zip(evidence.recorded, evidence.oracle).map { $0 - $1 }
    // The product with the residuals rounds too, and each residual was rounded.
    let rounding = Outward.gamma(rows + 3)
    let bound = zip(evidence.bound, residual).map {
      ($0 + rounding * $1.magnitude) * (1 + 0x1p-40) + Double(rows) * .leastNormalMagnitude
    }
    estimate = [Double](repeating: 0, count: unknowns * outputs)
    radius = estimate
    LinearAlgebra.multiply(
      design.inverse, residual, rows: unknowns, terms: rows, columns: outputs, into: &estimate)
    LinearAlgebra.multiply(
      design.inverseMagnitude, bound, rows: unknowns, terms: rows, columns: outputs, into: &radius)
    for offset in radius.indices {
      radius[offset] = Outward.sum(radius[offset], terms: rows) + Double(rows) * .leastNormalMagnitude
    }
    let contraction = design.contraction.max() ?? 0
    for j in 0..<outputs {
      var largest = 0.0
      for i in 0..<unknowns {
        let value = estimate[i * outputs + j].magnitude + radius[i * outputs + j]
        if value > largest || value.isNaN { largest = value }
      }
      largest = largest / (1 - contraction) * (1 + 0x1p-40)
      for i in 0..<unknowns {
        let offset = i * outputs + j
        // Back to unscaled columns, which is exact but for underflow.
        radius[offset] =
          (radius[offset] + design.contraction[i] * largest) * (1 + 0x1p-40) * design.scales[i] + .leastNonzeroMagnitude
        estimate[offset] *= design.scales[i]
      }
    }
  }
}
