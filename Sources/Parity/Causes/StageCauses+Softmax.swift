internal import TensorFerryOperators
internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

extension StageCauses {
  mutating func trySoftmax(_ axis: Int, isMasked: Bool) throws {
    let rank = replay.samples.first?.operands.first?.shape.rank ?? 0
    for other in 0..<rank where other != axis {
      if isMasked {
        try attempt(
          "softmax_axis", "\(owner) ran the softmax of \(name) over axis \(other), without the mask", place: "\(other)",
          OnFirst(operation: Softmax(axis: other)))
      } else {
        try attempt(
          "softmax_axis", "\(owner) ran the softmax of \(name) over axis \(other), not \(axis)", place: "\(other)",
          Softmax(axis: other))
      }
    }
    if isMasked {
      try attempt("mask_ignored", "\(owner) ignored the mask in \(name)", OnFirst(operation: Softmax(axis: axis)))
      var inverted = StageVariation(
        suspicion: suspicion("mask_inverted", "\(owner) took the mask of \(name) for its opposite"),
        operation: MaskedSoftmax(axis: axis))
      inverted.operands = { sample in
        let mask = sample.operands[1]
        let positions = mask.shape[1]
        let values = mask.values
        let opposite = values.indices.map { offset in
          // Where that would leave nothing, as it is.
          let row = offset / positions * positions..<(offset / positions + 1) * positions
          return row.allSatisfy { values[$0] == 0 } ? 0.0 : (values[offset] == 0 ? 1 : 0)
        }
        return [sample.operands[0], try ArrayView(opposite, shape: mask.shape)]
      }
      try attempt(inverted)
    }
    for (kind, id, what) in [
      (ScoreRule.Kind.uniform, "mean_instead_of_attention", "gave all positions the same weight"),
      (.exponentials, "softmax_not_normalised", "did not divide by the sum"),
      (.logarithms, "log_softmax", "took the logarithm of the softmax"),
      (.sigmoid, "sigmoid_instead_of_softmax", "used a sigmoid"),
    ] {
      try attempt(id, "\(owner) \(what) in \(name)", ScoreRule(kind: kind, axis: axis))
    }
    try tryTemperature(axis)
  }

  /// The scores times one number, which is the slope of the logarithms of the shares.
  private mutating func tryTemperature(_ axis: Int) throws {
    let strongest =
      replay.samples.contains { $0.kind == .weights } ? Certificate.Kind.weights : replay.samples.first?.kind
    var (mixed, square) = (0.0, 0.0)
    for sample in replay.samples where sample.kind == strongest {
      let scores = sample.operands[0].values
      let inner = sample.operands[0].shape.dimensions[(axis + 1)...].reduce(1, *)
      let count = sample.operands[0].shape[axis]
      for start in scores.indices where start / inner % count == 0 {
        let told = stride(from: start, to: start + count * inner, by: inner).filter { sample.recorded[$0] > 1e-30 }
        let logs = told.map { log(sample.recorded[$0]) }
        let own = told.map { scores[$0] }
        let (logMean, ownMean) = (logs.reduce(0, +) / Double(told.count), own.reduce(0, +) / Double(told.count))
        for (l, s) in zip(logs, own) {
          mixed += (s - ownMean) * (l - logMean)
          square += (s - ownMean) * (s - ownMean)
        }
      }
    }
    let found = mixed / square
    guard square > 0, found.isFinite, found.magnitude > 1e-6, (found - 1).magnitude > 1e-9 else { return }
    let known = KnownFactor(
      found,
      sizes: Array(2...4096).filter {
        (found * found * Double($0) - 1).magnitude < 1e-5 || (found * found / Double($0) - 1).magnitude < 1e-5
      })
    let factor = known?.value ?? found
    var variation = StageVariation(
      suspicion: suspicion(
        "score_scale", "\(owner) multiplied the scores of \(name) by \(known?.name ?? ParityReport.short(found))",
        place: known?.name, freeNumbers: known == nil ? 1 : 0), operation: stage.operation)
    variation.operands = { sample in
      let scores = sample.operands[0]
      return [try ArrayView(scores.values.map { $0 * factor }, shape: scores.shape)] + sample.operands.dropFirst()
    }
    // Each scaled score is rounded, and the factor is.
    variation.slack = { sample, value in
      let most = sample.operands[0].values.map(\.magnitude).filter(\.isFinite).max() ?? 0
      return 8 * sample.rounding.unit * most * factor.magnitude * value.magnitude
    }
    try attempt(variation)
  }
}

/// An operator of one operand in the place of one that takes more.
struct OnFirst: Operator {
  static let id = "on_first"
  let operation: any Operator

  func outputShape(_ operands: [Shape]) throws -> Shape { try operation.outputShape([operands[0]]) }

  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    operation.forward([operands[0]], into: &output, &workspace)
  }

  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    operation.forward([operands[0]], into: &output)
  }

  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    operation.bound([operands[0]], output: output, rounding, into: &bound)
  }
}
