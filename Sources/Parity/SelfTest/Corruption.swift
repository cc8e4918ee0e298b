internal import TensorFerryTensors

/// What a self-test does to the part of a parameter that one stage takes.
enum Corruption: String, CaseIterable {
  case oneUlp = "one_ulp"
  case scaled
  case signFlipped = "sign_flipped"
  case zeroed
  case rowsSwapped = "rows_swapped"
  case columnsSwapped = "columns_swapped"
  case transposed
  case biasZeroed = "bias_zeroed"
  case biasShifted = "bias_shifted"
  case bfloat16
  case float16
  case stale

  /// How many are made of each part of a parameter.
  var trials: Int {
    switch self {
    case .oneUlp, .scaled, .signFlipped, .zeroed: 4
    case .rowsSwapped, .columnsSwapped: 2
    case .transposed, .biasZeroed, .biasShifted, .bfloat16, .float16, .stale: 1
    }
  }

  /// - Parameters:
  ///   - values: a part, row by row.
  ///   - columns: how many each row has; nil for a vector.
  /// - Returns: nil if this does not apply to a part of that shape.
  func applied(
    to values: [Float], columns: Int?, isBias: Bool, _ random: inout SplitMix
  ) -> [Float]? {
    guard !values.isEmpty else { return nil }
    var values = values
    switch self {
    case .oneUlp, .scaled, .signFlipped, .zeroed:
      let index = Int.random(in: values.indices, using: &random)
      values[index] = element(values[index])
    case .rowsSwapped, .columnsSwapped:
      guard let columns, columns > 0 else { return nil }
      let rows = values.count / columns
      let count = self == .rowsSwapped ? rows : columns
      guard count > 1 else { return nil }
      let first = Int.random(in: 0..<count, using: &random)
      let second = (first + Int.random(in: 1..<count, using: &random)) % count
      if self == .rowsSwapped {
        for column in 0..<columns { values.swapAt(first * columns + column, second * columns + column) }
      } else {
        for row in 0..<rows { values.swapAt(row * columns + first, row * columns + second) }
      }
    case .transposed:
      guard let columns, columns > 1, columns * columns == values.count else { return nil }
      values = values.indices.map { values[$0 % columns * columns + $0 / columns] }
    case .biasZeroed:
      guard isBias else { return nil }
      values = values.map { _ in 0 }
    case .biasShifted:
      guard isBias else { return nil }
      let shift = max(Self.size(values), 1e-3) / 100
      values = values.map { $0 + shift }
    case .bfloat16: values = values.map { BFloat16.widen(BFloat16.narrow($0)) }
    case .float16: values = values.map { HalfPrecision.widen(HalfPrecision.narrow($0)) }
    case .stale:
      // As after another step of training: every number is off a little.
      let size = Self.size(values) * 1e-4
      values = values.map { $0 + size * Float.random(in: -1...1, using: &random) }
    }
    return values
  }

  private func element(_ value: Float) -> Float {
    switch self {
    case .oneUlp: value.nextUp
    case .scaled: value * 1.0001
    case .signFlipped: -value
    default: 0
    }
  }

  /// The root of the mean square.
  private static func size(_ values: [Float]) -> Float {
    let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    return Float((squares / Double(values.count)).squareRoot())
  }
}
