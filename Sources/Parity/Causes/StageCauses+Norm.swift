internal import TensorFerryOperators
internal import TensorFerryTensors

extension StageCauses {
  mutating func tryNorm(_ norm: LayerNorm) throws {
    for eps in [0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2] where eps != norm.eps {
      try attempt(
        "norm_eps", "\(owner) added \(eps) to the variance in \(name), not \(norm.eps)", place: "\(eps)",
        LayerNorm(eps: eps))
    }
    try attempt(
      "norm_without_mean", "\(owner) did not subtract the mean in \(name)", RootMeanSquareNorm(eps: norm.eps))
    guard let count = replay.samples.first?.operands[1].count, count > 1 else { return }
    // (x - m) / sqrt(v n / (n - 1) + eps) is a layer norm with other numbers.
    let share = Double(count - 1) / Double(count)
    var unbiased = StageVariation(
      suspicion: suspicion("norm_unbiased", "\(owner) divided the variance by n - 1 in \(name)"),
      operation: LayerNorm(eps: norm.eps * share))
    unbiased.operands = { sample in
      let weight = sample.operands[1]
      let scaled = try ArrayView(weight.values.map { $0 * share.squareRoot() }, shape: weight.shape)
      return [sample.operands[0], scaled, sample.operands[2]]
    }
    unbiased.slack = { sample, value in 4 * sample.rounding.unit * value.magnitude }
    try attempt(unbiased)
    try tryVectors(norm)
  }

  /// Weights and biases, feature by feature.
  private mutating func tryVectors(_ norm: LayerNorm) throws {
    guard let first = replay.samples.first else { return }
    let (weight, bias) = (first.operands[1].values.map { Float($0) }, first.operands[2].values.map { Float($0) })
    let count = weight.count
    let names = stage.operands.dropFirst().map { operand in
      if case .parameter(let name) = operand { "'\(name)'" } else { operand.description }
    }
    let both = weight + bias
    func attempt(
      _ id: String, _ title: String, _ values: (weight: [Float], bias: [Float]), fault: Hypothesis.Fault = .model,
      place: String? = nil, freeNumbers: Int = 0, freedom: Trial.Freedom = .none
    ) throws {
      let corrected = values.weight + values.bias
      let changed = Set(both.indices.filter { corrected[$0] != both[$0] })
      guard !changed.isEmpty else { return }
      var variation = StageVariation(
        suspicion: Suspicion(
          id, title, parameter: changed.contains { $0 < count } ? names[0].trimmed : names[1].trimmed, place: place,
          fault: fault, freeNumbers: freeNumbers), operation: norm, freedom: freedom)
      variation.operands = { sample in
        [
          sample.operands[0], try ArrayView(values.weight.map(Double.init), shape: sample.operands[1].shape),
          try ArrayView(values.bias.map(Double.init), shape: sample.operands[2].shape),
        ]
      }
      try self.attempt(variation, twin: corrected.hashValue, changed: changed)
    }
    try attempt(
      "weight_missing", "the reference was made with all 1 for \(names[0])", (weight.map { _ in 1 }, bias),
      fault: .reference)
    try attempt(
      "bias_missing", "the reference was made without \(names[1])", (weight, bias.map { _ in 0 }), fault: .reference)
    try attempt(
      "norm_not_affine", "the reference was made without \(names[0]) and \(names[1])",
      (weight.map { _ in 1 }, bias.map { _ in 0 }), fault: .reference)
    try attempt("tensors_swapped", "\(names[0]) and \(names[1]) are swapped", (bias, weight))
    for precision in Precision.allCases {
      let (w, b) = (weight.map(precision.round), bias.map(precision.round))
      for (values, what) in [((w, bias), names[0]), ((weight, b), names[1]), ((w, b), "\(names[0]) and \(names[1])")] {
        try attempt(
          "weights_\(precision.rawValue)", "the reference was made with \(what) rounded to \(precision.name)", values,
          fault: .reference)
      }
    }
    guard let (w, b) = fitted(norm, weight, bias) else { return }
    let fits = [(w, weight, names[0], 0), (b, bias, names[1], count)]
    for (index, (new, old, name, start)) in fits.enumerated() {
      func both(_ values: [Float]) -> (weight: [Float], bias: [Float]) {
        index == 0 ? (values, bias) : (weight, values)
      }
      let off = old.indices.filter { new[$0] != old[$0] }
      let order = new.indices.map { i in
        off.contains(i) ? off.min { (old[$0] - new[i]).magnitude < (old[$1] - new[i]).magnitude } ?? i : i
      }
      if let permutation = Permutation(order) {
        for order in permutation.names {
          try attempt(
            "elements_\(order.id)", "elements \(order.predicate.replacing("#", with: name))",
            both(permutation.rows(of: old, columns: 1)), place: order.place, freeNumbers: order.freeNumbers)
        }
      }
      for precision in Precision.allCases
      where old.allSatisfy({ precision.round($0) == $0 }) && new.map(precision.round) == old {
        try attempt(
          "weights_\(precision.rawValue)",
          "\(name) was rounded to \(precision.name): every element has that form, and the reference none beyond it",
          both(new), freeNumbers: count)
      }
      let places = Set(off.map { start + $0 })
      if off.count == 1 {
        try attempt(
          "element_changed",
          "element [\(off[0])] of \(name) is \(old[off[0]]), the reference was made with \(new[off[0]])",
          both(new), place: "\(off[0])", freeNumbers: 2, freedom: .elements(places))
      } else {
        try attempt(
          "elements_changed", "\(off.count) elements of \(name) differ", both(new), place: LinearCauses.list(off),
          freeNumbers: 2 * off.count, freedom: .elements(places))
      }
    }
    try attempt(
      "other_weights", "\(names[0]) and \(names[1]) hold other numbers", (w, b), freeNumbers: 2 * count, freedom: .all)
  }

  /// For each feature the line through the normalised values and the recorded ones; ours where that is as good.
  private func fitted(_ norm: LayerNorm, _ weight: [Float], _ bias: [Float]) -> (weight: [Float], bias: [Float])? {
    let strongest =
      replay.samples.contains { $0.kind == .weights } ? Certificate.Kind.weights : replay.samples.first?.kind
    let count = weight.count
    var normalised: [[Double]] = Array(repeating: [], count: count)
    var recorded = normalised
    var isOff = [Bool](repeating: false, count: count)
    let plain = StageVariation(suspicion: suspicion("", ""), operation: norm)
    for sample in replay.samples where sample.kind == strongest {
      var bare = plain
      bare.operands = { sample in
        let shape = sample.operands[1].shape
        return [
          sample.operands[0], try ArrayView([Double](repeating: 1, count: count), shape: shape),
          try ArrayView([Double](repeating: 0, count: count), shape: shape),
        ]
      }
      guard let (values, _) = try? replay.expected(bare, sample),
        let (own, bounds) = try? replay.expected(plain, sample)
      else { return nil }
      for offset in values.indices {
        normalised[offset % count].append(values[offset])
        recorded[offset % count].append(sample.recorded[offset])
        if !((sample.recorded[offset] - own[offset]).magnitude <= bounds[offset]) { isOff[offset % count] = true }
      }
    }
    var (w, b) = (weight, bias)
    for i in 0..<count where isOff[i] {
      let (x, y) = (normalised[i], recorded[i])
      guard x.count >= 3 else { return nil }
      let (xMean, yMean) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
      let square = x.reduce(0.0) { $0 + ($1 - xMean) * ($1 - xMean) }
      guard square > 0 else { return nil }
      let slope = zip(x, y).reduce(0.0) { $0 + ($1.0 - xMean) * ($1.1 - yMean) } / square
      // One of the two alone, where that leaves as little.
      let (loneSlope, loneShift) = (alone(x, y, Double(bias[i])), yMean - Double(weight[i]) * xMean)
      func rest(_ slope: Double, _ shift: Double) -> Double {
        zip(x, y).map { ($1 - slope * $0 - shift).magnitude }.max() ?? 0
      }
      let full = rest(slope, yMean - slope * xMean) * 4 + (y.map(\.magnitude).max() ?? 0) * 0x1p-46
      if rest(Double(weight[i]), loneShift) <= full {
        b[i] = Float(loneShift)
      } else if rest(loneSlope, Double(bias[i])) <= full {
        w[i] = Float(loneSlope)
      } else {
        (w[i], b[i]) = (Float(slope), Float(yMean - slope * xMean))
      }
    }
    return (w, b)
  }

  private func alone(_ x: [Double], _ y: [Double], _ shift: Double) -> Double {
    zip(x, y).reduce(0.0) { $0 + $1.0 * ($1.1 - shift) } / x.reduce(0.0) { $0 + $1 * $1 }
  }
}

extension String {
  /// Without the quotes.
  fileprivate var trimmed: String { hasPrefix("'") && hasSuffix("'") ? String(dropFirst().dropLast()) : self }
}
