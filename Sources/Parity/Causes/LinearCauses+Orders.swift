/// Rows, columns and layouts in another order.
extension LinearCauses {
  /// The most pairs of columns that are tried where nothing determines the weights.
  private static var maximumPairs: Int { 1_000_000 }

  mutating func tryOrders() {
    tryLayouts()
    for (axis, order) in foundRows() { attempt(order, axis) }
    for order in foundColumns() { attempt(order, .columns) }
  }

  private mutating func tryLayouts() {
    let weight = layer.weightValues
    func read(_ count: Int, _ size: Int) -> [Float] { weight.indices.map { weight[$0 % count * size + $0 / count] } }
    if rows == columns {
      attempt(Suspicion("weight_transposed", "\(weightName) is transposed"), weight: read(rows, columns))
    } else if rows > 1, columns > 1 {
      let title = "\(weightName) was read as if its rows were columns: it should be transposed before its shape is set"
      attempt(Suspicion("weight_reinterpreted", title), weight: read(rows, columns))
      attempt(Suspicion("weight_reinterpreted", title), weight: read(columns, rows))
    }
  }

  /// The strongest sample, cut to a few rows.
  private func few(_ most: Int) -> LinearSample? {
    let usable = replay.samples.filter { $0.kind == replay.strongest }
    guard let sample = usable.first(where: \.isProbe) ?? usable.max(by: { $0.rows < $1.rows }) else { return nil }
    return sample.slice(0..<min(most, sample.rows))
  }

  /// Outputs tell which of our rows each row of the reference is: the one that gives its results.
  private func foundRows() -> [(Axis, Permutation)] {
    guard rows > 1, let sample = few(64) else { return [] }
    let (products, _) = sample.expected(LinearChange(weight: layer.weightValues, bias: nil))
    var found: [(Axis, Permutation)] = []
    func match(_ axis: Axis, _ recorded: [Double], _ ours: [Double]) {
      var order = [Int](repeating: 0, count: rows)
      var taken = Set<Int>()
      for j in 0..<rows {
        var (best, place) = (Double.infinity, j)
        for k in [j] + (0..<rows).filter({ $0 != j }) {
          var distance = 0.0
          for row in 0..<sample.rows where distance < best {
            let difference = recorded[row * rows + j] - ours[row * rows + k]
            distance += difference * difference
          }
          // A row that is taken is a duplicate of another one.
          if distance < best, !taken.contains(k) { (best, place) = (distance, k) }
        }
        order[j] = place
        taken.insert(place)
      }
      if let permutation = Permutation(order) { found.append((axis, permutation)) }
    }
    let bias = layer.biasValues?.map(Double.init) ?? []
    func adding(_ sign: Double, _ values: [Double]) -> [Double] {
      bias.isEmpty ? values : values.indices.map { values[$0] + sign * bias[$0 % rows] }
    }
    match(.rows, adding(-1, sample.recorded), products)
    if !bias.isEmpty { match(.units, sample.recorded, adding(1, products)) }
    return found
  }

  private func foundColumns() -> [Permutation] {
    guard columns > 1 else { return [] }
    guard let solution else { return guessedColumns() }
    let reference = solution.estimatedWeight(layer)
    let ours = layer.weightValues.map(Double.init)
    var order = Array(0..<columns)
    var taken = Set<Int>()
    for i in 0..<columns {
      var (best, place) = (Double.infinity, i)
      for k in [i] + (0..<columns).filter({ $0 != i }) where !taken.contains(k) {
        var distance = 0.0
        for j in 0..<rows where distance < best {
          let difference = reference[j * columns + i] - ours[j * columns + k]
          distance += difference * difference
        }
        if distance < best { (best, place) = (distance, k) }
      }
      order[i] = place
      taken.insert(place)
    }
    return Permutation(order).map { [$0] } ?? []
  }

  /// Without a solution: of the usual orders and all pairs those that explain the worst output, which few numbers tell.
  private func guessedColumns() -> [Permutation] {
    guard let sample = few(48) else { return [] }
    let utilisations = sample.utilisations(replay.unchanged)
    var (output, highest) = (0, -1.0)
    for (offset, value) in utilisations.enumerated() where Certificate.isWorse(value, than: highest) {
      (output, highest) = (offset % rows, value)
    }
    let bounds = sample.expected(replay.unchanged).bounds
    let weight = (0..<columns).map { Double(layer.weightValues[output * columns + $0]) }
    let bias = layer.biasValues.map { Double($0[output]) } ?? 0
    func explains(_ value: (Int) -> Double) -> Bool {
      (0..<sample.rows).allSatisfy { row in
        (sample.recorded[row * rows + output] - value(row)).magnitude <= 4 * bounds[row * rows + output]
      }
    }
    func x(_ row: Int, _ i: Int) -> Double { sample.inputs[row * columns + i] }
    var found = Permutation.usual(columns).filter { order in
      explains { row in (0..<columns).reduce(bias) { $0 + x(row, $1) * weight[order.order[$1]] } }
    }
    guard columns * (columns - 1) / 2 <= Self.maximumPairs else { return found }
    let ours = (0..<sample.rows).map { row in (0..<columns).reduce(bias) { $0 + x(row, $1) * weight[$1] } }
    for a in 0..<columns {
      for b in a + 1..<max(columns, a + 1) where found.count < 8 {
        let step = weight[b] - weight[a]
        guard explains({ row in ours[row] + (x(row, a) - x(row, b)) * step }) else { continue }
        var order = Array(0..<columns)
        order.swapAt(a, b)
        if let permutation = Permutation(order), !found.contains(permutation) { found.append(permutation) }
      }
    }
    return found
  }
}
