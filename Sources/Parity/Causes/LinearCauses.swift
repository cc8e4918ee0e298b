internal import TensorFerryTensors

/// Replays everything that may be wrong with a linear stage.
struct LinearCauses {
  let replay: LinearReplay
  let solution: LinearSolution?
  /// The parts of parameters that other stages take, as `name` or `name[rows]`.
  let others: [Foreign]
  private(set) var trials: [Trial] = []
  /// Of each trial.
  private(set) var changes: [LinearChange] = []

  struct Foreign {
    let name: String
    let isBias: Bool
    let values: [Float]
  }

  var layer: LinearLayer { replay.layer }
  var rows: Int { layer.outputs }
  var columns: Int { layer.features }

  init(_ replay: LinearReplay, _ solution: LinearSolution?, _ others: [Foreign]) {
    self.replay = replay
    self.solution = solution
    self.others = others
  }

  /// - Parameter parametersHold: whether the float64 values show that the parameters are right, so that only the
  ///   float32 arithmetic is in question.
  mutating func run(parametersHold: Bool) {
    if !parametersHold {
      tryOrders()
      tryBiases()
      trySigns()
      tryForeign()
      tryRounded()
      tryRoundedModel()
      tryFits()
      trySolution()
    }
    tryArithmetic(parametersHold: parametersHold)
    tryRectified()
  }

  var weightName: String { "'\(layer.weight.parameter)'" }
  var biasName: String { "'\(layer.bias?.parameter ?? "")'" }

  /// Replays the stage with other parameters, unless they are those that it has.
  ///
  /// - Parameter roundedFrom: given where the model's parameters may have been rounded after what is undone here, so that
  ///   they are those of the reference only up to some units of the last place, of their own size or of this one.
  mutating func attempt(
    _ suspicion: Suspicion, weight: [Float]? = nil, bias: [Float]? = nil, freedom: Trial.Freedom = .none,
    roundedFrom: Double? = nil
  ) {
    var change = LinearChange(weight: weight ?? layer.weightValues, bias: bias ?? layer.biasValues)
    guard change.weight != layer.weightValues || change.bias != layer.biasValues else { return }
    if let roundedFrom, !(replay.worst(change) <= 1) {
      func spread(_ new: [Float], _ old: [Float]) -> [Double]? {
        new == old ? nil : new.map { Double($0.magnitude) * 0x1p-22 + roundedFrom * 0x1p-23 }
      }
      change.weightSpread = spread(change.weight, layer.weightValues)
      if let new = change.bias, let old = layer.biasValues { change.biasSpread = spread(new, old) }
    }
    attempt(suspicion, change, freedom)
  }

  mutating func attempt(_ suspicion: Suspicion, _ change: LinearChange, _ freedom: Trial.Freedom = .none) {
    var suspicion = suspicion
    if suspicion.parameter == nil, !change.isArithmetic, !change.rectifies {
      suspicion.parameter =
        change.weight != layer.weightValues || change.weightSpread != nil
        ? layer.weight.parameter : layer.bias?.parameter
    }
    let count = layer.weightValues.count
    var changed: Set<Int>?
    if !change.isArithmetic, !change.rectifies {
      changed = Set(change.weight.indices.filter { change.weight[$0] != layer.weightValues[$0] })
      if change.weightSpread != nil { changed?.formUnion(0..<count) }
      if let new = change.bias, let old = layer.biasValues {
        changed?.formUnion(new.indices.filter { new[$0] != old[$0] || change.biasSpread != nil }.map { count + $0 })
      }
    }
    changes.append(change)
    trials.append(
      Trial(
        suspicion: suspicion, after: replay.worst(change), twin: replay.key(change), changed: changed, freedom: freedom)
    )
  }

  /// Rows, columns, and rows with their biases; the order is one that was found or is usual.
  mutating func attempt(_ order: Permutation, _ axis: Axis) {
    let names = order.names
    let what =
      switch axis {
      case .rows, .units: "row"
      case .columns: "column"
      case .biases: "bias_element"
      }
    let noun = axis == .biases ? "elements" : "\(what)s"
    for name in names {
      let id: String
      let suffix = axis == .units ? " with their biases" : ""
      switch name.id {
      case "blocks_permuted": id = axis == .units ? "unit_blocks_permuted" : "\(what)_blocks_permuted"
      default: id = (axis == .units ? "units" : "\(what)s") + "_\(name.id)"
      }
      let owner = axis == .biases ? biasName : weightName
      let title = noun + " " + name.predicate.replacing("#", with: owner) + suffix
      attempt(
        Suspicion(
          id, title, parameter: axis == .biases ? layer.bias?.parameter : layer.weight.parameter, place: name.place,
          freeNumbers: name.freeNumbers),
        weight: axis == .biases
          ? nil
          : axis == .columns
            ? order.columns(of: layer.weightValues) : order.rows(of: layer.weightValues, columns: columns),
        bias: axis == .units || axis == .biases ? layer.biasValues.map { order.rows(of: $0, columns: 1) } : nil)
      // What else it could be called is an equivalent; it need not be replayed if this is refuted.
      guard trials.last?.explains == true else { break }
    }
  }

  enum Axis { case rows, columns, units, biases }
}

extension LinearCauses {
  mutating func trySigns() {
    let negative = layer.weightValues.map { -$0 }
    attempt(Suspicion("sign_flipped", "all signs of \(weightName) are flipped"), weight: negative)
    guard let bias = layer.biasValues else { return }
    attempt(Suspicion("sign_flipped", "all signs of \(biasName) are flipped"), bias: bias.map { -$0 })
    attempt(
      Suspicion("sign_flipped", "all signs of \(weightName) and \(biasName) are flipped"), weight: negative,
      bias: bias.map { -$0 })
  }

  mutating func tryForeign() {
    func name(_ part: LinearLayer.Part, _ count: Int) -> String { Self.name(part, count, of: layer) }
    for other in others where other.values.count == layer.weightValues.count && !other.isBias {
      let ours = name(layer.weight, rows * columns)
      guard other.name != ours else { continue }
      attempt(
        Suspicion(
          "parameter_foreign", "the reference was made with what is now '\(other.name)' in the place of '\(ours)'",
          parameter: ours, place: other.name), weight: other.values)
    }
    guard let bias = layer.bias else { return }
    for other in others where other.values.count == rows {
      let ours = name(bias, rows)
      guard other.name != ours else { continue }
      attempt(
        Suspicion(
          other.isBias ? "parameter_foreign" : "bias_foreign",
          "the reference was made with what is now '\(other.name)' in the place of '\(ours)'", parameter: ours,
          place: other.name), bias: other.values)
    }
    for (label, swap) in [("byte", true), ("half-word", false)] {
      func swapped(_ values: [Float]) -> [Float] {
        values.map { value in
          let bits = value.bitPattern
          return Float(bitPattern: swap ? bits.byteSwapped : bits << 16 | bits >> 16)
        }
      }
      attempt(
        Suspicion("bytes_swapped", "\(weightName) has its \(label)s in the wrong order"),
        weight: swapped(layer.weightValues))
      guard let values = layer.biasValues else { continue }
      attempt(Suspicion("bytes_swapped", "\(biasName) has its \(label)s in the wrong order"), bias: swapped(values))
      attempt(
        Suspicion("bytes_swapped", "\(weightName) and \(biasName) have their \(label)s in the wrong order"),
        weight: swapped(layer.weightValues), bias: swapped(values))
    }
  }

  /// The name of a part, with its rows if the parameter has others.
  static func name(_ part: LinearLayer.Part, _ count: Int, of layer: LinearLayer) -> String {
    let first = part.start / (count / layer.outputs)
    return part.isWhole ? part.parameter : "\(part.parameter)[\(first)..<\(first + layer.outputs)]"
  }

  /// Parameters that went through a coarser type where the reference was made.
  mutating func tryRounded() {
    for precision in Precision.allCases {
      let weight = layer.weightValues.map(precision.round)
      let bias = layer.biasValues?.map(precision.round)
      func suspicion(_ what: String) -> Suspicion {
        Suspicion(
          "weights_\(precision.rawValue)", "the reference was made with \(what) rounded to \(precision.name)",
          fault: .reference)
      }
      attempt(suspicion(weightName), weight: weight)
      guard let bias else { continue }
      attempt(suspicion(biasName), bias: bias)
      attempt(suspicion("\(weightName) and \(biasName)"), weight: weight, bias: bias)
    }
    for kind in Quantisation.allCases {
      guard let weight = kind.round(layer.weightValues, columns: columns) else { continue }
      attempt(
        Suspicion(
          "weights_\(kind.rawValue)", "the reference was made with \(weightName) quantised to \(kind.name)",
          fault: .reference), weight: weight)
    }
  }

  /// Parameters that went through a coarser type on their way to the model: their bits show it, and what they were is
  /// known up to that rounding.
  mutating func tryRoundedModel() {
    let count = layer.weightValues.count
    func isCoarse(_ values: [Float], _ precision: Precision) -> Bool {
      values.contains { $0 != 0 } && values.allSatisfy { precision.round($0) == $0 }
    }
    for precision in Precision.allCases {
      let isWeight = isCoarse(layer.weightValues, precision)
      let isBias = layer.biasValues.map { isCoarse($0, precision) } ?? false
      // Only the solution tells whether a bias that has that form came from another one.
      let choices =
        solution == nil && isWeight && isBias
        ? [(false, true), (true, true)] : [(true, false), (false, true), (true, true)]
      for (weight, bias) in choices where (!weight || isWeight) && (!bias || isBias) {
        let what = [weight ? weightName : nil, bias ? biasName : nil].compactMap { $0 }.joined(separator: " and ")
        var change = replay.unchanged
        if weight {
          change.weight = layer.weightValues.map(precision.middle)
          change.weightSpread = layer.weightValues.map(precision.spread)
        }
        if bias {
          change.bias = layer.biasValues?.map(precision.middle)
          change.biasSpread = layer.biasValues?.map(precision.spread)
        }
        guard agrees(change) else { continue }
        let places = (weight ? Array(0..<count) : []) + (bias ? Array(count..<count + rows) : [])
        attempt(
          Suspicion(
            "weights_\(precision.rawValue)",
            "\(what) \(weight && bias ? "were" : "was") rounded to \(precision.name): every element has that form, and "
              + "the reference those that are rounded to them",
            parameter: weight ? layer.weight.parameter : layer.bias?.parameter, freeNumbers: places.count), change,
          .elements(Set(places)))
      }
    }
    for kind in Quantisation.allCases {
      guard let spreads = kind.spreads(layer.weightValues, columns: columns) else { continue }
      var change = replay.unchanged
      change.weightSpread = spreads
      guard agrees(change) else { continue }
      attempt(
        Suspicion(
          "weights_\(kind.rawValue)", "\(weightName) was quantised to \(kind.name) and restored", freeNumbers: count),
        change, .elements(Set(0..<count)))
    }
  }

  /// Whether the solution lies within what the change leaves open; true if there is none.
  private func agrees(_ change: LinearChange) -> Bool {
    guard let solution else { return true }
    func fit(_ new: [Float], _ old: [Float], _ found: [Double], _ radii: [Double], _ spread: [Double]?) -> Bool {
      new.indices.allSatisfy { index in
        let distance = (Double(old[index]) + found[index] - Double(new[index])).magnitude
        return distance <= ((spread?[index] ?? 0) + radii[index]) * (1 + 0x1p-20)
      }
    }
    guard fit(change.weight, layer.weightValues, solution.weight, solution.weightRadius, change.weightSpread) else {
      return false
    }
    guard let new = change.bias, let old = layer.biasValues, let found = solution.bias, let radii = solution.biasRadius
    else { return true }
    return fit(new, old, found, radii, change.biasSpread)
  }

  /// The float32 arithmetic of the reference.
  mutating func tryArithmetic(parametersHold: Bool) {
    let recorded = replay.samples.filter { $0.kind != .weights }
    guard !recorded.isEmpty else { return }
    let isEngine = recorded.allSatisfy { $0.kind == .engine }
    let (fault, owner) = isEngine ? (Hypothesis.Fault.engine, "this engine") : (.reference, "the reference")
    // Where the float64 values refute the parameters, arithmetic does not help.
    guard parametersHold || !replay.samples.contains(where: { $0.kind == .weights }) else { return }
    for precision in Precision.allCases {
      let isInputCoarse = recorded.allSatisfy { $0.inputs.allSatisfy { Double(precision.round(Float($0))) == $0 } }
      let isOutputCoarse = recorded.allSatisfy { $0.recorded.allSatisfy { Double(precision.round(Float($0))) == $0 } }
      func attempt(_ id: String, _ what: String, _ setting: String = "", _ change: (inout LinearChange) -> Void) {
        var changed = replay.unchanged
        change(&changed)
        let title = "\(owner) rounded \(what) of '\(layer.name)' to \(precision.name)\(setting)"
        self.attempt(
          Suspicion("\(isEngine ? "engine" : "reference")_\(id)_\(precision.rawValue)", title, fault: fault), changed)
      }
      attempt("weights", "the weights") { $0.weightPrecision = precision }
      if !isInputCoarse {
        attempt("operands", "both operands", precision.setting) {
          ($0.inputPrecision, $0.weightPrecision) = (precision, precision)
        }
        attempt("inputs", "the inputs") { $0.inputPrecision = precision }
      }
      if layer.bias != nil {
        attempt("operands_and_bias", "the operands and the bias") {
          ($0.inputPrecision, $0.weightPrecision, $0.biasPrecision) = (precision, precision, precision)
        }
      }
      attempt("operands_split", "each operand to two numbers, as 'high' precision does,") {
        $0.inputPrecision = precision
        $0.splits = true
      }
      guard isOutputCoarse else { continue }
      attempt("output", "the result") { $0.outputPrecision = precision }
      attempt("autocast", "the operands, the bias and the result") {
        ($0.inputPrecision, $0.weightPrecision, $0.biasPrecision) = (precision, precision, precision)
        $0.outputPrecision = precision
      }
    }
  }

  mutating func tryRectified() {
    let isEngine = replay.samples.allSatisfy { $0.kind == .engine }
    let (fault, owner) = isEngine ? (Hypothesis.Fault.engine, "this engine") : (.reference, "the reference")
    var change = replay.unchanged
    change.rectifies = true
    attempt(Suspicion("relu_added", "\(owner) put a ReLU behind '\(layer.name)'", fault: fault), change)
  }
}

extension LinearCauses {
  private func change(of trial: Trial) -> LinearChange? {
    trials.firstIndex { $0.twin == trial.twin && $0.suspicion.id == trial.suspicion.id }.map { changes[$0] }
  }

  func hasCoarseResult(_ trial: Trial) -> Bool { change(of: trial)?.outputPrecision != nil }

  /// How much of the bounds the reference uses under a hypothesis.
  func typicalUse(of trial: Trial) -> Double? { change(of: trial).map(replay.typicalUse) }

  /// The parameter whose numbers these are, if another one has the same.
  func owner(of values: [Float], besides name: String) -> String? {
    guard Set(values).count > 1 else { return nil }
    return others.first { $0.name != name && $0.values == values }?.name
  }
}
