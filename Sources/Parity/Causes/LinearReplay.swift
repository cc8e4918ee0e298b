internal import TensorFerryOperators

/// A refuted linear stage, and what its certificates say of it with other parameters or in another arithmetic.
struct LinearReplay {
  /// The most numbers that are held, and the most products that one replay takes.
  static let maximumElements = 16_000_000
  static let maximumProducts = 2_000_000_000
  /// How many rows of each sample are judged before all others.
  private static let screenedRows = 24

  let layer: LinearLayer
  private(set) var samples: [LinearSample] = []
  /// A few rows of each, among them the worst.
  private(set) var screen: [LinearSample] = []
  private(set) var isCut = false
  let unchanged: LinearChange

  init(_ layer: LinearLayer) {
    self.layer = layer
    unchanged = LinearChange(weight: layer.weightValues, bias: layer.biasValues)
  }

  mutating func add(_ sample: LinearSample) {
    guard sample.rows > 0 else { return }
    let held = samples.map { $0.inputs.count + $0.recorded.count }.reduce(0, +)
    let products = samples.map { $0.inputs.count * layer.outputs }.reduce(0, +)
    let most = min(
      (Self.maximumElements - held) / (layer.features + layer.outputs),
      (Self.maximumProducts - products) / max(1, layer.features * layer.outputs))
    guard most > 0 else { return isCut = true }
    let kept = most < sample.rows ? sample.slice(0..<most) : sample
    isCut = isCut || most < sample.rows
    samples.append(kept)
    let utilisations = kept.utilisations(unchanged)
    var (worst, highest) = (0, -1.0)
    for (offset, value) in utilisations.enumerated() where Certificate.isWorse(value, than: highest) {
      (worst, highest) = (offset / layer.outputs, value)
    }
    let stride = max(1, kept.rows / Self.screenedRows)
    let picked =
      [worst] + Swift.stride(from: 0, to: kept.rows, by: stride).filter { $0 != worst }.prefix(Self.screenedRows)
    screen.append(kept.picking(picked))
  }

  /// The strongest kind of evidence there is.
  var strongest: Certificate.Kind? {
    samples.contains { $0.kind == .weights } ? .weights : samples.first?.kind
  }

  /// The worst utilisation of all certificates under a change; where some value is not explained it is at least the
  /// worst.
  func worst(_ change: LinearChange) -> Double {
    let first = Self.worst(screen, change, layer.features)
    return first <= 1 ? Self.worst(samples, change, layer.features) : first
  }

  private static func worst(_ samples: [LinearSample], _ change: LinearChange, _ features: Int) -> Double {
    var worst = -1.0
    for sample in samples {
      for start in stride(from: 0, to: sample.rows, by: 512) {
        let utilisations = sample.slice(start..<min(start + 512, sample.rows)).utilisations(change)
        for value in utilisations where Certificate.isWorse(value, than: worst) { worst = value }
        if !(worst <= 1) { return worst }
      }
    }
    return worst
  }

  /// The same for changes that come to the same numbers.
  func key(_ change: LinearChange) -> Int {
    guard change.isArithmetic else { return change.hashValue }
    var hasher = Hasher()
    hasher.combine(change.weightPrecision.map { change.weight.map($0.round) } ?? change.weight)
    hasher.combine(change.biasPrecision.map { p in change.bias?.map(p.round) } ?? change.bias)
    hasher.combine(change.splits)
    hasher.combine(change.outputPrecision)
    for sample in samples where sample.kind != .weights {
      hasher.combine(
        change.inputPrecision.map { p in sample.inputs.map { Double(p.round(Float($0))) } } ?? sample.inputs)
      if change.splits { hasher.combine(change.inputPrecision) }
    }
    return hasher.finalize()
  }

  /// The root of the mean square of the utilisations of float32 values.
  func typicalUse(_ change: LinearChange) -> Double {
    let values = samples.filter { $0.kind != .weights }.flatMap { $0.utilisations(change) }
    return (values.map { $0 * $0 }.reduce(0, +) / Double(max(1, values.count))).squareRoot()
  }

  /// The same for the float32 pass of this engine with its own parameters.
  var usualUse: Double {
    let own = samples.filter { $0.kind != .weights }.map { sample in
      var sample = sample.slice(0..<min(256, sample.rows))
      sample.recorded = layer.engineValues(sample.inputs).map(Double.init)
      return sample
    }
    let values = own.flatMap { $0.utilisations(unchanged) }
    return (values.map { $0 * $0 }.reduce(0, +) / Double(max(1, values.count))).squareRoot()
  }
}

extension LinearLayer {
  /// Sums in float32, in an order like those of BLAS: eight lanes.
  fileprivate func engineValues(_ inputs: [Double]) -> [Float] {
    let rows = inputs.count / features
    var result = [Float](repeating: 0, count: rows * outputs)
    for row in 0..<rows {
      for j in 0..<outputs {
        var lanes = SIMD8<Float>(repeating: 0)
        for i in 0..<features { lanes[i % 8] += Float(inputs[row * features + i]) * weightValues[j * features + i] }
        result[row * outputs + j] = lanes.sum() + (biasValues?[j] ?? 0)
      }
    }
    return result
  }
}
