internal import TensorFerryOperators
internal import TensorFerryTensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Operators that no model has, and that a reference may have been made with: they run in Double only.
protocol Variation: Operator {
  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double]
  /// How far a side that rounds so may be from each of them.
  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double]
}

extension Variation {
  static var id: String { "variation" }

  func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    guard let wide = try? operands.map({ try ArrayView($0.values.map(Double.init), shape: $0.shape) }) else { return }
    for (offset, value) in values(wide, output.shape).enumerated() { output[offset] = Float(value) }
  }

  func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    _ = output.elements.update(fromContentsOf: values(operands, output.shape))
  }

  func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    _ = bound.elements.update(fromContentsOf: bounds(operands, output.values, rounding))
  }
}

/// A function of each element.
///
/// Each is about a dozen roundings of numbers no larger than `|x|`, and rises nowhere faster than by 1.2: 16 units of
/// `|x| + |f(x)|` cover it.
struct Activation: Variation {
  enum Kind: String, CaseIterable {
    case relu, gelu
    case geluTanh = "gelu_tanh"
    case silu, tanh, sigmoid, identity
    case leakyRelu = "leaky_relu"
    case elu, square

    var name: String {
      switch self {
      case .relu: "ReLU"
      case .gelu: "GELU by erf"
      case .geluTanh: "GELU by tanh"
      case .silu: "SiLU"
      case .tanh: "tanh"
      case .sigmoid: "sigmoid"
      case .identity: "no activation"
      case .leakyRelu: "leaky ReLU"
      case .elu: "ELU"
      case .square: "squared ReLU"
      }
    }
  }

  let kind: Kind

  func outputShape(_ operands: [Shape]) throws -> Shape { operands[0] }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] { operands[0].values.map(value) }

  private func value(_ x: Double) -> Double {
    switch kind {
    case .relu: x < 0 ? 0 : x
    case .gelu: x / 2 * erfc(-x * 0.5.squareRoot())
    case .geluTanh: x / 2 * (1 + hyperbolicTangent((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .silu: x / (1 + exp(-x))
    case .tanh: hyperbolicTangent(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .identity: x
    case .leakyRelu: x < 0 ? 0.01 * x : x
    case .elu: x < 0 ? expm1(x) : x
    case .square: x < 0 ? 0 : x * x
    }
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    let x = operands[0].values
    return values.indices.map {
      16 * rounding.unit * (x[$0].magnitude + values[$0].magnitude) + 8 * rounding.leastNormal
    }
  }
}

private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }

/// Shares that do not depend on the scores, or are no shares.
struct ScoreRule: Variation {
  enum Kind { case uniform, exponentials, logarithms, sigmoid }

  let kind: Kind
  let axis: Int

  func outputShape(_ operands: [Shape]) throws -> Shape { operands[0] }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] {
    let scores = operands[0].values
    var result = scores
    let inner = output.dimensions[(axis + 1)...].reduce(1, *)
    let count = output[axis]
    let samples = max(1, output.dimensions[0])
    let ignored = operands.count > 1 ? operands[1].values : []
    for start in scores.indices where start / inner % count == 0 {
      let slice = stride(from: start, to: start + count * inner, by: inner)
      let sample = start / (scores.count / samples)
      let left = slice.enumerated().filter { ignored.isEmpty || ignored[sample * count + $0.offset] == 0 }.map(
        \.element)
      let most = left.map { scores[$0] }.max() ?? 0
      let sum = left.reduce(0.0) { $0 + exp(scores[$1] - most) }
      for offset in slice { result[offset] = 0 }
      for offset in left {
        switch kind {
        case .uniform: result[offset] = 1 / Double(left.count)
        case .exponentials: result[offset] = exp(scores[offset] - most)
        case .logarithms: result[offset] = scores[offset] - most - log(sum)
        case .sigmoid: result[offset] = 1 / (1 + exp(-scores[offset]))
        }
      }
    }
    return result
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    let scores = operands[0].values
    let most = scores.map(\.magnitude).filter(\.isFinite).max() ?? 0
    let growth = rounding.unit * (16 + 2 * most + Double(operands[0].shape[axis]))
    return values.map { growth * max($0.magnitude, kind == .logarithms ? most : 0) + 8 * rounding.leastNormal }
  }
}

/// The elements of an operand in another order.
struct Rearrangement: Variation {
  let shape: @Sendable ([Shape]) -> Shape?
  /// Where each element of a result of that shape is in the operand.
  let place: @Sendable (_ offset: Int, _ operand: Shape, _ output: Shape) -> Int

  init(
    shape: @escaping @Sendable ([Shape]) -> Shape?, place: @escaping @Sendable (Int, Shape, Shape) -> Int
  ) { (self.shape, self.place) = (shape, place) }

  func outputShape(_ operands: [Shape]) throws -> Shape { shape(operands) ?? operands[0] }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] {
    let values = operands[0].values
    return values.indices.map { values[place($0, operands[0].shape, output)] }
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    values.map { _ in 0 }
  }
}

/// One value from all positions, without attention.
struct Pooling: Variation {
  enum Kind: String, CaseIterable { case mean, sum, largest, first, last }

  let kind: Kind

  func outputShape(_ operands: [Shape]) throws -> Shape { try Shape([operands[1][0], operands[1][2]]) }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] {
    let (values, shape) = (operands[1].values, operands[1].shape)
    return (0..<output.elementCount).map { offset in
      let (b, k) = (offset / shape[2], offset % shape[2])
      let column = (0..<shape[1]).map { values[(b * shape[1] + $0) * shape[2] + k] }
      switch kind {
      case .mean: return column.reduce(0, +) / Double(column.count)
      case .sum: return column.reduce(0, +)
      case .largest: return column.max() ?? 0
      case .first: return column.first ?? 0
      case .last: return column.last ?? 0
      }
    }
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    let magnitudes = try? ArrayView(operands[1].values.map(\.magnitude), shape: operands[1].shape)
    guard let magnitudes, let shape = try? outputShape(operands.map(\.shape)) else {
      return values.map { _ in .infinity }
    }
    let sums = Pooling(kind: kind == .mean ? .mean : .sum).values([operands[0], magnitudes], shape)
    let growth = kind == .mean || kind == .sum ? Double(operands[1].shape[1] + 2) * rounding.unit * 1.01 : 0
    return sums.map { growth * $0 + (growth > 0 ? 4 * rounding.leastNormal : 0) }
  }
}

/// `x / sqrt(mean of squares + eps) * weight + bias`: a layer norm that does not subtract the mean.
struct RootMeanSquareNorm: Variation {
  let eps: Double

  func outputShape(_ operands: [Shape]) throws -> Shape { operands[0] }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] {
    let (x, weight, bias) = (operands[0].values, operands[1].values, operands[2].values)
    let count = weight.count
    var result = x
    for start in stride(from: 0, to: x.count, by: max(1, count)) {
      let square = x[start..<start + count].reduce(0.0) { $0 + $1 * $1 } / Double(count)
      for i in 0..<count { result[start + i] = x[start + i] / (square + eps).squareRoot() * weight[i] + bias[i] }
    }
    return result
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    let bias = operands[2].values
    let growth = Double(bias.count + 8) * rounding.unit * 1.01
    return values.indices.map { offset in
      let shift = bias[offset % bias.count].magnitude
      return growth * (values[offset].magnitude + 2 * shift) + 8 * rounding.leastNormal
    }
  }
}

/// The second operand, or the difference of two.
struct Combination: Variation {
  enum Kind { case second, difference, product }

  let kind: Kind

  func outputShape(_ operands: [Shape]) throws -> Shape { operands[0] }

  func values(_ operands: [ArrayView<Double>], _ output: Shape) -> [Double] {
    let (left, right) = (operands[0].values, operands[1].values)
    switch kind {
    case .second: return right
    case .difference: return zip(left, right).map(-)
    case .product: return zip(left, right).map(*)
    }
  }

  func bounds(_ operands: [ArrayView<Double>], _ values: [Double], _ rounding: Rounding) -> [Double] {
    values.map { kind == .second ? 0 : 2 * rounding.unit * $0.magnitude + rounding.leastNonzero }
  }
}
