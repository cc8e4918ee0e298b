internal import TensorFerryTensors

/// A coarser kind of number than float32 that values may have gone through.
enum Precision: String, CaseIterable {
  case bfloat16 = "bf16"
  case bfloat16Truncated = "bf16_truncated"
  case float16 = "fp16"
  case tensorFloat32 = "tf32"
  case tensorFloat32Truncated = "tf32_truncated"

  var name: String {
    switch self {
    case .bfloat16: "bfloat16"
    case .bfloat16Truncated: "bfloat16 by truncation"
    case .float16: "float16"
    case .tensorFloat32: "TF32"
    case .tensorFloat32Truncated: "TF32 by truncation"
    }
  }

  /// The setting of torch that permits products of such operands, for a sentence.
  var setting: String {
    switch self {
    case .bfloat16: ", as matmul precision 'medium' lets it"
    case .tensorFloat32: ", as matmul precision 'high' lets it"
    default: ""
    }
  }

  /// Explicit bits of the significand.
  private var bits: Int {
    switch self {
    case .bfloat16, .bfloat16Truncated: 7
    case .float16, .tensorFloat32, .tensorFloat32Truncated: 10
    }
  }

  private var truncates: Bool { self == .bfloat16Truncated || self == .tensorFloat32Truncated }

  func round(_ value: Float) -> Float {
    guard value.isFinite else { return value }
    if self == .float16 { return HalfPrecision.widen(HalfPrecision.narrow(value)) }
    let dropped = UInt32(23 - bits)
    let pattern = value.bitPattern
    let odd = (pattern >> dropped) & 1
    let increment = truncates ? 0 : (1 << (dropped - 1)) - 1 + odd
    return Float(bitPattern: (pattern &+ increment) & ~((1 << dropped) - 1))
  }

  /// How far a number may have been from ``middle(_:)``.
  func spread(_ value: Float) -> Double { unit(value) / 2 }

  /// The middle of the numbers that are rounded to this one.
  func middle(_ value: Float) -> Float {
    guard truncates else { return value }
    let half = Float(unit(value) / 2)
    return value.sign == .minus ? value - half : value + half
  }

  private func unit(_ value: Float) -> Double {
    let exponent = value == 0 ? -126 : Int(value.exponent)
    return Double(sign: .plus, exponent: max(exponent, self == .float16 ? -14 : -126) - bits, significand: 1)
  }
}

/// Numbers on an evenly spaced grid, as integers of few bits that were scaled back.
enum Quantisation: String, CaseIterable {
  case int8 = "int8"
  case int8Rows = "int8_rows"

  var name: String { self == .int8 ? "int8 with one scale" : "int8 with a scale for each row" }

  private func groups(_ values: [Float], columns: Int) -> [Range<Int>] {
    guard self == .int8Rows, columns > 0 else { return [0..<values.count] }
    return stride(from: 0, to: values.count, by: columns).map { $0..<$0 + columns }
  }

  /// As the reference would have had them.
  func round(_ values: [Float], columns: Int) -> [Float]? {
    var result = values
    for group in groups(values, columns: columns) {
      let scale = (values[group].map(\.magnitude).max() ?? 0) / 127
      guard scale > 0, scale.isFinite else { return nil }
      for index in group { result[index] = (values[index] / scale).rounded(.toNearestOrEven) * scale }
    }
    return result
  }

  /// How far each number may have been from what it was rounded to; nil if they are on no such grid.
  func spreads(_ values: [Float], columns: Int) -> [Double]? {
    var spreads = [Double](repeating: 0, count: values.count)
    var inner = 0
    for group in groups(values, columns: columns) {
      let part = values[group].map(Double.init)
      guard let largest = part.map(\.magnitude).max(), let high = part.max(), let low = part.min(), largest.isFinite
      else { return nil }
      if largest == 0 { continue }
      let steps = [largest / 127, largest / 128, (high - low) / 255, largest / 7, (high - low) / 15]
      guard let step = steps.first(where: { step in step > 0 && part.allSatisfy { Self.isMultiple($0, of: step) } })
      else { return nil }
      // The extremes are on the grid by the choice of the step.
      inner += max(0, part.count - 2)
      for index in group { spreads[index] = step / 2 * (1 + 0x1p-10) + largest * 0x1p-22 }
    }
    return inner >= 8 ? spreads : nil
  }

  private static func isMultiple(_ value: Double, of step: Double) -> Bool {
    let quotient = value / step
    return (quotient - quotient.rounded()).magnitude < 1e-3
  }
}
