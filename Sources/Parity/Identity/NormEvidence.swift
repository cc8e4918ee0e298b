internal import TensorFerryOperators
internal import TensorFerryTensors

/// What two rows tell of the weight and the bias of each feature of a layer norm: those in which the normalised feature
/// is smallest and largest.
///
/// The result for a normalised feature `t` is `w t + b`. If the reference's `w` and `b` are others by `dw` and `db`, the
/// residuals of two rows are `R1 = dw t1 + db + r1` and `R2 = dw t2 + db + r2`, so that with `D = t1 - t2`
///
///     dw = (R1 - R2) / D - (r1 - r2) / D
///     db = (t1 R2 - t2 R1) / D - (t1 r2 - t2 r1) / D
///
/// where `|r| <= B + S max(|dw|, |db|)`: `B` is the bound for our parameters, and `S` how fast it grows with them, the
/// oracle's error in `t` included.
struct NormEvidence {
  struct Row {
    let value: Double
    let residual: Double
    let bound: Double
    let slope: Double
  }

  /// A difference from the reference's parameter, and how far it may be from that.
  struct Estimate {
    let difference: Double
    let radius: Double
  }

  let stage: Stage
  let weight: String
  let bias: String
  let weightValues: [Float]
  let biasValues: [Float]
  /// Why nothing is to be told, if it is known from the start.
  let obstacle: String?
  /// For each feature the rows with its smallest and its largest value; empty if no row was recorded.
  private(set) var extremes: [(low: Row, high: Row)] = []

  /// Nil for a stage that is no layer norm with parameters.
  init?(_ stage: Stage, _ parameters: [String: ArrayView<Float>], _ computed: [String: Double]) {
    guard stage.operation is LayerNorm, stage.operands.count == 3, case .parameter(let weight) = stage.operands[1],
      case .parameter(let bias) = stage.operands[2], let weights = parameters[weight], let biases = parameters[bias]
    else { return nil }
    self.stage = stage
    self.weight = weight
    self.bias = bias
    weightValues = weights.values
    biasValues = biases.values
    obstacle =
      computed[weight] == nil && computed[bias] == nil ? nil : "computed from other tensors, not copied"
  }

  mutating func add(_ trace: ReferenceTrace, _ verifier: StageVerifier) throws {
    guard obstacle == nil, let norm = stage.operation as? LayerNorm,
      let recorded = trace.float64[.stage(stage.name)]?.values,
      let operands = StageVerifier.operands(stage, verifier.float64.merging(trace.float64) { $1 })
    else { return }
    let features = operands[1].count
    var workspace = Workspace()
    let oracle = try stage.evaluate(operands, &workspace)
    let bound = try stage.bound(operands, output: oracle, .float64).values
    let (values, slopes) = norm.normalised(operands[0])
    for (offset, expected) in oracle.values.enumerated() {
      let row = Row(
        value: values[offset], residual: recorded[offset] - expected, bound: bound[offset], slope: slopes[offset])
      guard row.residual.isFinite, row.bound.isFinite, row.slope.isFinite, row.value.isFinite else { continue }
      let feature = offset % features
      if extremes.isEmpty {
        let none = Row(value: 0, residual: 0, bound: .infinity, slope: 0)
        extremes = [(low: Row, high: Row)](repeating: (none, none), count: features)
      }
      if extremes[feature].low.bound == .infinity { extremes[feature] = (row, row) }
      if row.value < extremes[feature].low.value { extremes[feature].low = row }
      if row.value > extremes[feature].high.value { extremes[feature].high = row }
    }
  }

  /// Nil where the rows do not tell a weight from a bias.
  func estimates(of feature: Int) -> (weight: Estimate, bias: Estimate)? {
    let (one, two) = (extremes[feature].high, extremes[feature].low)
    let distance = one.value - two.value
    guard distance > 0, one.bound.isFinite, two.bound.isFinite else { return nil }
    let (t1, t2) = (one.value, two.value)
    let largest = max(1, t1.magnitude, t2.magnitude)
    let (weight, bias) = ((one.residual - two.residual) / distance, (t1 * two.residual - t2 * one.residual) / distance)
    // What these formulas, and the residuals, round.
    let residuals = one.residual.magnitude + two.residual.magnitude
    let rounded = 0x1p-48 * residuals * largest / distance + .leastNormalMagnitude
    let contraction = (one.slope + two.slope) * largest / distance
    guard contraction < 0.5 else { return nil }
    let most =
      (max(weight.magnitude, bias.magnitude) + rounded + (one.bound + two.bound) * largest / distance)
      / (1 - contraction)
    let (r1, r2) = (one.bound + one.slope * most, two.bound + two.slope * most)
    return (
      Estimate(difference: weight, radius: ((r1 + r2) / distance + rounded) * (1 + 0x1p-40)),
      Estimate(
        difference: bias,
        radius: ((t2.magnitude * r1 + t1.magnitude * r2) / distance + rounded) * (1 + 0x1p-40))
    )
  }
}
