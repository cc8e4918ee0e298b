internal import TensorFerryOperators
internal import TensorFerryTensors

/// Replays everything that may be wrong with a stage that is not linear in parameters.
struct StageCauses {
  let replay: StageReplay
  /// What the stage may have taken instead, of the same shape, in forward order.
  let alternatives: [ValueName]
  let fault: Hypothesis.Fault
  private(set) var trials: [Trial] = []
  var stage: Stage { replay.stage }
  var name: String { "'\(stage.name)'" }
  /// Who is said to have done it.
  var owner: String { fault == .engine ? "this engine" : "the reference" }

  init(_ replay: StageReplay, _ alternatives: [ValueName]) {
    self.replay = replay
    self.alternatives = alternatives
    fault = replay.samples.allSatisfy { $0.kind == .engine } ? .engine : .reference
  }

  mutating func run() throws {
    switch stage.operation {
    case let softmax as Softmax: try trySoftmax(softmax.axis, isMasked: false)
    case let softmax as MaskedSoftmax: try trySoftmax(softmax.axis, isMasked: true)
    case let product as BatchedProduct: try tryProduct(product)
    case is WeightedSum: try tryPooling()
    case is GELU, is ReLU: try tryActivations()
    case let norm as LayerNorm: try tryNorm(norm)
    case is SplitHeads, is MergeHeads: try tryHeads()
    case is Add:
      try attempt("operand_missing", "\(owner) left out the second operand of \(name)", Bypass())
      try attempt("operand_missing", "\(owner) left out the first operand of \(name)", Combination(kind: .second))
      try attempt("operands_subtracted", "\(owner) subtracted the operands of \(name)", Combination(kind: .difference))
      try attempt("operands_multiplied", "\(owner) multiplied the operands of \(name)", Combination(kind: .product))
    default: break
    }
    try tryGeneral()
  }

  func suspicion(_ id: String, _ title: String, place: String? = nil, freeNumbers: Int = 0) -> Suspicion {
    Suspicion(id, title, place: place, fault: fault, freeNumbers: freeNumbers)
  }

  mutating func attempt(_ id: String, _ title: String, place: String? = nil, _ operation: any Operator) throws {
    try attempt(StageVariation(suspicion: suspicion(id, title, place: place), operation: operation))
  }

  mutating func attempt(_ variation: StageVariation, twin: Int? = nil, changed: Set<Int>? = nil) throws {
    guard let after = try replay.worst(variation) else { return }
    trials.append(
      Trial(
        suspicion: variation.suspicion, after: after, twin: twin, changed: changed,
        freedom: variation.freedom))
  }

  /// What can be wrong with any stage.
  private mutating func tryGeneral() throws {
    let takesShape = replay.samples.allSatisfy { $0.operands.first?.shape.squeezed == $0.shape.squeezed }
    if takesShape, !(stage.operation is Add) {
      try attempt("operator_left_out", "\(owner) left \(name) out", Bypass())
    }
    for (index, operand) in stage.operands.enumerated() {
      if case .parameter = operand { continue }
      for other in alternatives where other != operand && other != .stage(stage.name) {
        var variation = StageVariation(
          suspicion: suspicion(
            "operand_other", "\(owner) computed \(name) from \(other), not from \(operand)", place: other.description,
            freeNumbers: 1), operation: stage.operation)
        variation.operands = { sample in
          guard let value = sample.values[other], value.count == sample.operands[index].count else { return nil }
          var operands = sample.operands
          operands[index] = value.reshaped(operands[index].shape)
          return operands
        }
        try attempt(variation)
      }
    }
    try tryFactor()
  }

  /// The result times one number.
  private mutating func tryFactor() throws {
    let plain = StageVariation(suspicion: suspicion("scaled", ""), operation: stage.operation)
    let strongest =
      replay.samples.contains { $0.kind == .weights } ? Certificate.Kind.weights : replay.samples.first?.kind
    var (mixed, square) = (0.0, 0.0)
    var sizes: Set<Int> = []
    for sample in replay.samples where sample.kind == strongest {
      guard let (values, _) = try replay.expected(plain, sample) else { return }
      for (value, recorded) in zip(values, sample.recorded) {
        mixed += value * recorded
        square += value * value
      }
      for operand in sample.operands { sizes.formUnion(operand.shape.dimensions) }
    }
    let found = mixed / square
    guard square > 0, found.isFinite, found != 1 else { return }
    let known = KnownFactor(found, sizes: Array(sizes))
    var variation = StageVariation(
      suspicion: suspicion(
        "scaled", "\(owner) has \(name) times \(known?.name ?? ParityReport.short(found))", place: known?.name,
        freeNumbers: 1), operation: stage.operation, freedom: .factor)
    variation.factor = known?.value ?? found
    try attempt(variation)
  }

  private mutating func tryActivations() throws {
    for kind in Activation.Kind.allCases {
      if stage.operation is ReLU, kind == .relu { continue }
      if stage.operation is GELU, kind == .gelu { continue }
      try attempt(
        "activation_\(kind.rawValue)", "\(owner) used \(kind.name) in \(name)",
        kind == .gelu ? GELU() : Activation(kind: kind))
    }
  }

  private mutating func tryPooling() throws {
    for kind in Pooling.Kind.allCases {
      let what =
        switch kind {
        case .mean: "the mean of all positions"
        case .sum: "the sum of all positions"
        case .largest: "the largest value of all positions"
        case .first: "the first position"
        case .last: "the last position"
        }
      let id = kind == .mean ? "mean_instead_of_attention" : "pooling_\(kind.rawValue)"
      try attempt(id, "\(owner) took \(what) in \(name), without attention", Pooling(kind: kind))
    }
  }

  private mutating func tryProduct(_ product: BatchedProduct) throws {
    try attempt(
      "scale",
      "\(owner) \(product.scale == .one ? "divided \(name) by the root of its terms" : "did not divide \(name) by the root of its terms")",
      BatchedProduct(transposeRight: product.transposeRight, scale: product.scale == .one ? .inverseRootOfTerms : .one))
    try attempt(
      "operand_transposed",
      "\(owner) \(product.transposeRight ? "did not transpose" : "transposed") the right operand of \(name)",
      BatchedProduct(transposeRight: !product.transposeRight, scale: product.scale))
    var swapped = StageVariation(
      suspicion: suspicion("operands_swapped", "\(owner) swapped the operands of \(name)"), operation: product)
    swapped.operands = { $0.operands.count == 2 ? [$0.operands[1], $0.operands[0]] : nil }
    try attempt(swapped)
  }

  private mutating func tryHeads() throws {
    if let split = stage.operation as? SplitHeads {
      let heads = split.heads
      let shape = { @Sendable (shapes: [Shape]) in try? split.outputShape(shapes) }
      try attempt(
        "heads_interleaved", "\(owner) gave each head every \(heads)th feature in \(name)",
        Rearrangement(shape: shape) { offset, operand, output in
          let (size, positions) = (output[3], output[2])
          let (s, p, h) = (offset % size, offset / size % positions, offset / size / positions % heads)
          let b = offset / size / positions / heads
          return (b * positions + p) * operand[2] + s * heads + h
        })
      try attempt(
        "heads_not_transposed", "\(owner) reshaped \(name) without moving its axes",
        Rearrangement(shape: shape) { offset, _, _ in offset })
    } else {
      let shape = { @Sendable (shapes: [Shape]) in try? MergeHeads().outputShape(shapes) }
      try attempt(
        "heads_interleaved", "\(owner) interleaved the features of the heads in \(name)",
        Rearrangement(shape: shape) { offset, operand, output in
          let (heads, positions, size) = (operand[1], operand[2], operand[3])
          let (f, p, b) = (offset % output[2], offset / output[2] % positions, offset / output[2] / positions)
          return ((b * heads + f % heads) * positions + p) * size + f / heads
        })
      try attempt(
        "heads_not_transposed", "\(owner) reshaped \(name) without moving its axes",
        Rearrangement(shape: shape) { offset, _, _ in offset })
    }
  }
}
