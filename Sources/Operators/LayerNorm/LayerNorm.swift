public import TensorFerryTensors

/// `(x - mean) / sqrt(variance + eps) * weight + bias` over the last dimension, as `torch.nn.LayerNorm` has it; the
/// variance is that of the whole population.
///
/// Operands: x `[..., features]`, weight `[features]`, bias `[features]`. Result: `[..., features]`.
public struct LayerNorm: Operator {
  public static let id = "layer_norm"

  /// What is added to the variance.
  public let eps: Double

  public init(eps: Double) { self.eps = eps }

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 3...3)
    guard let features = operands[0].dimensions.last else {
      throw OperatorError(.rank, "layer_norm takes an x of at least 1 dimension, its shape is \(operands[0])")
    }
    for (name, shape) in [("weight", operands[1]), ("bias", operands[2])] {
      try checkRank("a \(name)", shape, 1)
      guard shape[0] == features else {
        throw OperatorError(
          .dimensionMismatch, "x \(operands[0]) has \(features) features, the \(name) has \(shape[0]) elements")
      }
    }
    return operands[0]
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (x, weight, bias) = (operands[0].elements, operands[1].elements, operands[2].elements)
    let result = output.elements
    let features = weight.count
    guard features > 0 else { return }
    for start in stride(from: 0, to: result.count, by: features) {
      // Summed in Double: the squares of large features do not overflow, and order does not matter.
      var sum = 0.0
      for i in 0..<features { sum += Double(x[start + i]) }
      let mean = sum / Double(features)
      var squares = 0.0
      for i in 0..<features {
        let deviation = Double(x[start + i]) - mean
        squares += deviation * deviation
      }
      let scale = 1 / (squares / Double(features) + eps).squareRoot()
      for i in 0..<features {
        result[start + i] = Float((Double(x[start + i]) - mean) * scale) * weight[i] + bias[i]
      }
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (x, weight, bias) = (operands[0].elements, operands[1].elements, operands[2].elements)
    let result = output.elements
    let features = weight.count
    guard features > 0 else { return }
    for start in stride(from: 0, to: result.count, by: features) {
      let moments = Moments(UnsafeBufferPointer(rebasing: x[start..<start + features]))
      let scale = 1 / (moments.variance + eps).squareRoot()
      for i in 0..<features { result[start + i] = (x[start + i] - moments.mean) * scale * weight[i] + bias[i] }
    }
  }
}

/// Mean and variance of a row, in Double, by two passes in plain loops.
struct Moments {
  let mean: Double
  let variance: Double
  /// The largest absolute value.
  let largest: Double
  /// The mean of the absolute values.
  let magnitude: Double

  init(_ row: UnsafeBufferPointer<Double>) {
    let count = Double(row.count)
    var (sum, largest, magnitudes) = (0.0, 0.0, 0.0)
    var i = 0
    while i < row.count {
      sum += row[i]
      largest = Swift.max(largest, row[i].magnitude)
      magnitudes += row[i].magnitude
      i += 1
    }
    let mean = sum / count
    var squares = 0.0
    i = 0
    while i < row.count {
      squares += (row[i] - mean) * (row[i] - mean)
      i += 1
    }
    self.mean = mean
    self.largest = largest
    magnitude = magnitudes / count
    variance = squares / count
  }
}
