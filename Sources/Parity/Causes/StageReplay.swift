internal import TensorFerryOperators
internal import TensorFerryTensors

/// One case of a refuted stage, as one certificate judges it.
struct StageSample {
  let kind: Certificate.Kind
  let operands: [ArrayView<Double>]
  /// By name, inputs and stages that the stage might have taken instead.
  let values: [ValueName: ArrayView<Double>]
  let recorded: [Double]
  let shape: Shape
  let rounding: Rounding
}

/// A stage as it may have been computed.
struct StageVariation {
  let suspicion: Suspicion
  let operation: any Operator
  var freedom = Trial.Freedom.none
  /// What the result is multiplied by.
  var factor = 1.0
  /// The operands; nil if this does not apply.
  var operands: (StageSample) throws -> [ArrayView<Double>]? = { $0.operands }
  /// What is to be added to the bound of a result, beside that of the operator.
  var slack: (StageSample, Double) -> Double = { _, _ in 0 }
}

/// What the certificates of a stage say of it if it was computed in another way.
struct StageReplay {
  /// The most results that are held.
  static let maximumElements = 4_000_000

  let stage: Stage
  private(set) var samples: [StageSample] = []
  private(set) var isCut = false

  init(_ stage: Stage) { self.stage = stage }

  mutating func add(_ sample: StageSample) {
    let held = samples.map(\.recorded.count).reduce(0, +)
    guard held == 0 || held + sample.recorded.count <= Self.maximumElements else { return isCut = true }
    samples.append(sample)
  }

  /// What the variation gives for each sample, or nil where it does not apply.
  func expected(_ variation: StageVariation, _ sample: StageSample) throws -> (values: [Double], bounds: [Double])? {
    guard let operands = try variation.operands(sample) else { return nil }
    let replayed = Stage(stage.name, variation.operation, stage.operands)
    guard let shape = try? variation.operation.outputShape(operands.map(\.shape)),
      shape.squeezed == sample.shape.squeezed
    else { return nil }
    var workspace = Workspace()
    let output = try replayed.evaluate(operands, &workspace)
    let bound = try replayed.bound(operands, output: output, sample.rounding)
    let values = output.values.map { $0 * variation.factor }
    let scaling = variation.factor == 1 ? 0 : 4 * sample.rounding.unit
    let bounds = zip(bound.values, values).map {
      $0 * variation.factor.magnitude + scaling * $1.magnitude + variation.slack(sample, $1)
    }
    return (values, bounds)
  }

  /// The worst utilisation under a variation, or nil where it does not apply.
  func worst(_ variation: StageVariation) throws -> Double? {
    var worst = -1.0
    for sample in samples {
      guard let (values, bounds) = try expected(variation, sample) else { return nil }
      for offset in values.indices {
        let difference = (sample.recorded[offset] - values[offset]).magnitude
        let use =
          difference.isFinite && bounds[offset].isFinite ? (difference == 0 ? 0 : difference / bounds[offset]) : .nan
        if Certificate.isWorse(use, than: worst) { worst = use }
      }
      if !(worst <= 1) { return worst }
    }
    return worst
  }
}
