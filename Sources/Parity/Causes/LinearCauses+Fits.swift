/// Numbers that are taken from the reference: of a bias, an element, a column, a row, a factor.
extension LinearCauses {
  mutating func tryBiases() {
    guard let bias = layer.biasValues, let name = layer.bias?.parameter else { return }
    attempt(
      Suspicion(
        "bias_missing", "the reference was made without \(biasName)", parameter: name, fault: .reference),
      bias: bias.map { _ in 0 })
    guard let fitted = fittedBias() else { return }
    let all = Trial.Freedom.elements(Set(rows * columns..<rows * columns + rows))
    if bias.allSatisfy({ $0 == 0 }) {
      attempt(
        Suspicion("bias_missing", "\(biasName) is missing: all of it is 0 here", parameter: name, freeNumbers: rows),
        bias: fitted, freedom: all)
    }
    let shifts = zip(fitted, bias).map { Double($0) - Double($1) }
    let shift = shifts.reduce(0, +) / Double(rows)
    if rows > 1 {
      attempt(
        Suspicion(
          "bias_shifted", "all elements of \(biasName) are off by \(ParityReport.short(-shift))", parameter: name,
          freeNumbers: 1), bias: bias.map { Float(Double($0) + shift) }, freedom: all,
        roundedFrom: Self.largest(bias) + shift.magnitude)
      let order = fitted.indices.map { j in
        bias.indices.min { (bias[$0] - fitted[j]).magnitude < (bias[$1] - fitted[j]).magnitude } ?? j
      }
      if let permutation = Permutation(order) { attempt(permutation, .biases) }
    }
    let zeroed = bias.indices.filter { fitted[$0] != bias[$0] }
    if zeroed.count > 0, zeroed.count < rows, zeroed.count <= 8 {
      attempt(
        Suspicion(
          "bias_element_changed",
          "\(zeroed.count == 1 ? "element" : "elements") \(Self.list(zeroed)) of \(biasName) differ",
          parameter: name, place: Self.list(zeroed), freeNumbers: 2 * zeroed.count),
        bias: fitted, freedom: .elements(Set(zeroed.map { rows * columns + $0 })))
    }
    let ours = layer.bias.map { Self.name($0, rows, of: layer) } ?? name
    let copied = owner(of: bias, besides: ours)
    attempt(
      Suspicion(
        copied == nil ? "bias_changed" : "parameter_foreign",
        copied.map { "'\(ours)' holds the numbers of '\($0)'" } ?? "\(biasName) holds other numbers",
        parameter: ours, place: copied, freeNumbers: rows), bias: fitted, freedom: all)
  }

  static func largest(_ values: [Float]) -> Double { Double(values.map(\.magnitude).max() ?? 0) }

  static func list(_ places: [Int]) -> String {
    places.prefix(4).map(String.init).joined(separator: ", ") + (places.count > 4 ? ", ..." : "")
  }

  /// The rows that residuals are taken from: those of the strongest certificate.
  private func fitted(_ most: Int) -> LinearSample? {
    let parts = replay.samples.filter { $0.kind == replay.strongest }
    guard var all = parts.first else { return nil }
    for part in parts.dropFirst() where all.rows < most {
      all.inputs += part.inputs
      all.recorded += part.recorded
    }
    let finite = (0..<all.rows).filter { row in
      all.recorded[row * rows..<(row + 1) * rows].allSatisfy(\.isFinite)
        && all.inputs[row * columns..<(row + 1) * columns].allSatisfy(\.isFinite)
    }
    return finite.isEmpty ? nil : all.picking(Array(finite.prefix(most)))
  }

  /// Ours plus the average residual of each output; ours where the residuals are all explained.
  private func fittedBias() -> [Float]? {
    guard let bias = layer.biasValues, let sample = fitted(512) else { return nil }
    let (values, bounds) = sample.expected(replay.unchanged)
    return (0..<rows).map { j in
      var (sum, isOff) = (0.0, false)
      for row in 0..<sample.rows {
        let residual = sample.recorded[row * rows + j] - values[row * rows + j]
        sum += residual
        if !(residual.magnitude <= bounds[row * rows + j]) { isOff = true }
      }
      return isOff ? Float(Double(bias[j]) + sum / Double(sample.rows)) : bias[j]
    }
  }

  /// Single elements and columns, by the projection of the residuals on the inputs; factors.
  mutating func tryFits() {
    guard let sample = fitted(512) else { return }
    let (values, bounds) = sample.expected(replay.unchanged)
    let residuals = zip(sample.recorded, values).map { $0 - $1 }
    guard residuals.allSatisfy(\.isFinite) else { return }
    let off = Set(residuals.indices.filter { !(residuals[$0].magnitude <= bounds[$0]) }.map { $0 % rows }).sorted()
    var norms = [Double](repeating: 0, count: columns)
    for (offset, x) in sample.inputs.enumerated() { norms[offset % columns] += x * x }
    // columns x rows
    var products = [Double](repeating: 0, count: columns * rows)
    var transposed = [Double](repeating: 0, count: sample.inputs.count)
    for row in 0..<sample.rows {
      for i in 0..<columns { transposed[i * sample.rows + row] = sample.inputs[row * columns + i] }
    }
    LinearAlgebra.multiply(transposed, residuals, rows: columns, terms: sample.rows, columns: rows, into: &products)
    let live = (0..<columns).filter { norms[$0] > 0 }
    // How much of the squared residuals of some outputs one input takes away.
    func best(_ count: Int, _ outputs: [Int]) -> [Int] {
      let scores = live.map { i -> (place: Int, score: Double) in
        var score = 0.0
        for j in outputs { score += products[i * rows + j] * products[i * rows + j] }
        return (i, score / norms[i])
      }
      return scores.sorted { $0.score > $1.score }.prefix(count).map { $0.place }
    }
    func corrected(_ j: Int, _ i: Int) -> Float {
      Float(Double(layer.weightValues[j * columns + i]) + products[i * rows + j] / norms[i])
    }
    if off.count == 1, let j = off.first {
      for i in best(3, off) {
        let ours = layer.weightValues[j * columns + i]
        // Where the values do not tell the last bits, a flipped sign is still told from another number.
        if (corrected(j, i) + ours).magnitude < ours.magnitude * 0x1p-10 { tryElement(j, i, -ours) }
        tryElement(j, i, corrected(j, i))
      }
      tryFlippedRow(j)
    } else if off.count > 1 {
      for i in best(2, off) {
        var weight = layer.weightValues
        for j in off { weight[j * columns + i] = corrected(j, i) }
        tryColumn(i, weight)
      }
    }
    tryFactors(sample)
  }

  private mutating func tryElement(_ j: Int, _ i: Int, _ value: Float) {
    let offset = j * columns + i
    let ours = layer.weightValues[offset]
    var weight = layer.weightValues
    weight[offset] = value
    let place = "\(j + layer.weight.start / columns), \(i)"
    let element = "element [\(place)] of \(weightName)"
    let bits = (ours.bitPattern ^ value.bitPattern).nonzeroBitCount
    let id: String
    var title = "\(element) is \(ours), the reference was made with \(value)"
    if value == -ours {
      (id, title) = ("element_sign_flipped", "the sign of \(element) is flipped")
    } else if ours == 0 {
      id = "element_zeroed"
    } else if bits == 1 {
      (id, title) = ("bit_flipped", "one bit of \(element) is flipped: \(ours) should be \(value)")
    } else {
      id = "element_changed"
    }
    let count = value == -ours ? 2 : 3
    attempt(
      Suspicion(id, title, parameter: layer.weight.parameter, place: place, freeNumbers: count), weight: weight,
      freedom: .elements([offset]))
  }

  private mutating func tryFlippedRow(_ j: Int) {
    var weight = layer.weightValues
    for i in j * columns..<(j + 1) * columns { weight[i] = -weight[i] }
    let row = j + layer.weight.start / columns
    attempt(
      Suspicion(
        "row_sign_flipped", "row \(row) of \(weightName) has all signs flipped", parameter: layer.weight.parameter,
        place: "\(row)", freeNumbers: 1), weight: weight)
  }

  mutating func tryColumn(_ i: Int, _ weight: [Float]) {
    let places = (0..<rows).map { $0 * columns + i }
    let isZero = rows > 1 && places.allSatisfy { layer.weightValues[$0] == 0 }
    let isFlipped = places.allSatisfy { layer.weightValues[$0] == -weight[$0] }
    let (id, what): (String, String) =
      isZero
      ? ("column_zeroed", "is all 0")
      : isFlipped ? ("column_sign_flipped", "has all signs flipped") : ("column_changed", "holds other numbers")
    attempt(
      Suspicion(
        id, "column \(i) of \(weightName) \(what)", parameter: layer.weight.parameter, place: "\(i)",
        freeNumbers: isFlipped ? 1 : 1 + rows), weight: weight, freedom: .elements(Set(places)))
  }

  /// One factor for all weights, or for each row; with and without the bias.
  private mutating func tryFactors(_ sample: LinearSample) {
    let (products, _) = sample.expected(LinearChange(weight: layer.weightValues, bias: nil))
    let bias = layer.biasValues?.map(Double.init) ?? [Double](repeating: 0, count: rows)
    func factor(_ outputs: Range<Int>, _ left: [Double], _ right: [Double]) -> Double? {
      var (mixed, square) = (0.0, 0.0)
      for row in 0..<sample.rows {
        for j in outputs {
          let offset = row * rows + j
          mixed += left[offset] * right[offset]
          square += left[offset] * left[offset]
        }
      }
      return square > 0 && (mixed / square).isFinite ? mixed / square : nil
    }
    let isPlain = layer.bias == nil
    for withBias in isPlain ? [true] : [true, false] {
      let left = products.indices.map { products[$0] + (withBias ? bias[$0 % rows] : 0) }
      let right = products.indices.map { sample.recorded[$0] - (withBias ? 0 : bias[$0 % rows]) }
      guard let whole = factor(0..<rows, left, right) else { continue }
      let known = KnownFactor(whole, sizes: [columns, rows])
      let value = known?.value ?? whole
      let what = withBias && !isPlain ? "\(weightName) and \(biasName)" : weightName
      let title = "\(what) should be multiplied by \(known?.name ?? ParityReport.short(whole))"
      attempt(
        Suspicion(
          "scaled", title, parameter: layer.weight.parameter, place: known?.name, freeNumbers: known == nil ? 1 : 0),
        weight: layer.weightValues.map { Float(Double($0) * value) },
        bias: withBias ? layer.biasValues?.map { Float(Double($0) * value) } : nil, roundedFrom: 0)
      guard rows > 1 else { continue }
      let factors = (0..<rows).map { factor($0..<$0 + 1, left, right) ?? 1 }
      attempt(
        Suspicion(
          "rows_scaled", "each row of \(what) lacks a factor of its own", parameter: layer.weight.parameter,
          freeNumbers: rows),
        weight: layer.weightValues.indices.map { Float(Double(layer.weightValues[$0]) * factors[$0 / columns]) },
        bias: withBias ? layer.biasValues.map { b in b.indices.map { Float(Double(b[$0]) * factors[$0]) } } : nil,
        roundedFrom: 0)
    }
  }
}

/// A factor that has a name: a power of two, or a root of a size.
struct KnownFactor {
  let value: Double
  let name: String

  /// - Parameter found: good to a part in a hundred thousand.
  init?(_ found: Double, sizes: [Int]) {
    var known = (-12...12).filter { $0 != 0 }.map { (Double(sign: .plus, exponent: $0, significand: 1), "2^\($0)") }
    known.append((-1, "-1"))
    for size in Set(sizes) where size > 1 {
      known += [
        (Double(size).squareRoot(), "sqrt(\(size))"), (1 / Double(size).squareRoot(), "1/sqrt(\(size))"),
        (Double(size), "\(size)"), (1 / Double(size), "1/\(size)"),
      ]
    }
    guard let (value, name) = known.first(where: { (found / $0.0 - 1).magnitude < 1e-5 }) else { return nil }
    (self.value, self.name) = (value, name)
  }
}
