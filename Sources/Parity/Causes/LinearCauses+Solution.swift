/// What the solved parameters look like beside ours.
extension LinearCauses {
  mutating func trySolution() {
    guard let solution else { return }
    let (weight, bias) = solution.parameters(layer)
    let (ours, ourBias) = (layer.weightValues, layer.biasValues ?? [])
    let off = ours.indices.filter { weight[$0] != ours[$0] }
    let offBias = ourBias.indices.filter { bias?[$0] != ourBias[$0] }
    guard !off.isEmpty else { return }
    let offRows = Set(off.map { $0 / columns }).union(offBias).sorted()
    let offColumns = Set(off.map { $0 % columns })
    if off.count > 1, off.count <= 8, offBias.isEmpty {
      let places = off.map { "[\($0 / columns), \($0 % columns)]" }.joined(separator: ", ")
      attempt(
        Suspicion(
          "elements_changed", "\(off.count) elements of \(weightName) differ: \(places)", place: places,
          freeNumbers: 3 * off.count), weight: weight, freedom: .elements(Set(off)))
    }
    if offRows.count == 1 || offRows.count * 4 <= rows { tryRows(offRows, weight, bias) }
    if offColumns.count == 1, let i = offColumns.first, rows > 1, offBias.isEmpty { tryColumn(i, weight) }
    if offColumns.count > 1, offColumns.count * 4 <= columns, rows > 1, offBias.isEmpty {
      let places = Self.list(offColumns.sorted())
      attempt(
        Suspicion(
          "columns_changed", "columns \(places) of \(weightName) hold other numbers", place: places,
          freeNumbers: offColumns.count * (rows + 1)), weight: weight, freedom: .elements(Set(off)))
    }
    if rows > 1, columns > 1 { tryColumnFactors(weight, bias) }
    if off.count > 1 { tryShift(weight) }
    tryDense(weight, bias)
  }

  private mutating func tryRows(_ places: [Int], _ weight: [Float], _ bias: [Float]?) {
    let elements = places.flatMap { j in Array(j * columns..<(j + 1) * columns) + [rows * columns + j] }
    let first = layer.weight.start / columns
    let inRow = places.flatMap { j in Array(j * columns..<(j + 1) * columns) }
    let isZero = inRow.allSatisfy { layer.weightValues[$0] == 0 }
    let isFlipped = inRow.allSatisfy { layer.weightValues[$0] == -weight[$0] }
    let name = Self.list(places.map { $0 + first })
    let one = places.count == 1
    let id: String
    let what: String
    if isZero {
      (id, what) = ("zeroed", one ? "is all 0" : "are all 0")
    } else if isFlipped {
      (id, what) = ("sign_flipped", one ? "has all signs flipped" : "have all signs flipped")
    } else {
      (id, what) = ("changed", one ? "holds other numbers" : "hold other numbers")
    }
    attempt(
      Suspicion(
        (one ? "row_" : "rows_") + id, "\(one ? "row" : "rows") \(name) of \(weightName) \(what)",
        parameter: layer.weight.parameter, place: name,
        freeNumbers: isFlipped ? places.count : places.count * (columns + 2)),
      weight: weight, bias: bias, freedom: .elements(Set(elements)))
  }

  private mutating func tryColumnFactors(_ weight: [Float], _ bias: [Float]?) {
    let factors = (0..<columns).map { i -> Double in
      var (mixed, square) = (0.0, 0.0)
      for j in 0..<rows {
        let ours = Double(layer.weightValues[j * columns + i])
        mixed += ours * Double(weight[j * columns + i])
        square += ours * ours
      }
      return square > 0 ? mixed / square : 1
    }
    attempt(
      Suspicion(
        "columns_scaled", "each column of \(weightName) lacks a factor of its own", freeNumbers: columns),
      weight: layer.weightValues.indices.map { Float(Double(layer.weightValues[$0]) * factors[$0 % columns]) },
      bias: bias, roundedFrom: 0)
  }

  private mutating func tryShift(_ weight: [Float]) {
    let shifts = zip(weight, layer.weightValues).map { Double($0) - Double($1) }
    let shift = shifts.reduce(0, +) / Double(shifts.count)
    guard shift != 0, shift.isFinite else { return }
    attempt(
      Suspicion(
        "shifted", "all elements of \(weightName) are off by \(ParityReport.short(-shift))", freeNumbers: 1),
      weight: layer.weightValues.map { Float(Double($0) + shift) },
      roundedFrom: Self.largest(layer.weightValues) + shift.magnitude)
  }

  /// All parameters as they came out: that proves that they are others, and says little of why.
  private mutating func tryDense(_ weight: [Float], _ bias: [Float]?) {
    func size(_ values: [Double]) -> Double { values.map { $0 * $0 }.reduce(0, +).squareRoot() }
    let ours = layer.weightValues
    let ratio = size(zip(weight, ours).map { Double($0) - Double($1) }) / size(weight.map(Double.init))
    let coarse = Self.isCoarse(ours) || Self.isCoarse(weight)
    let number = ParityReport.short(ratio)
    let (id, title): (String, String)
    let name = Self.name(layer.weight, rows * columns, of: layer)
    if let copied = owner(of: ours, besides: name) {
      (id, title) = ("parameter_foreign", "'\(name)' holds the numbers of '\(copied)'")
    } else if coarse {
      let side = Self.isCoarse(ours) ? "the model's" : "the reference's"
      (id, title) = (
        "quantised", "\(side) \(weightName) takes few values, as quantised weights do; they differ by \(number)"
      )
    } else if ratio < 0.1 {
      (id, title) = (
        "stale_weights", "all of \(weightName) is off a little (relative \(number)), as of another training step"
      )
    } else {
      (id, title) = ("other_weights", "\(weightName) holds other numbers altogether (relative difference \(number))")
    }
    attempt(
      Suspicion(id, title, parameter: layer.weight.parameter, freeNumbers: rows * (columns + (bias == nil ? 0 : 1))),
      weight: weight, bias: bias, freedom: .all)
  }

  /// Whether numbers have fewer bits than float32 has, or repeat.
  private static func isCoarse(_ values: [Float]) -> Bool {
    let nonzero = values.filter { $0 != 0 }
    guard !nonzero.isEmpty else { return true }
    let low = nonzero.reduce(UInt32(0)) { $0 | $1.bitPattern }
    if low.trailingZeroBitCount >= 8 { return true }
    return nonzero.count >= 64 && Set(nonzero).count * 4 < nonzero.count
  }
}
