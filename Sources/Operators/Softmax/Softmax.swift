public import TensorFerryTensors

/// `exp(s - max s) / sum of exp(s - max s)` along one axis.
///
/// Operand: scores of any shape. Result: the same shape. A slice with a NaN or +inf in it becomes NaN.
public struct Softmax: Operator {
  public static let id = "softmax"

  /// The axis along which the results sum to 1, counted from 0.
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var keepsSamplesApart: Bool { axis > 0 }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 1...1)
    guard axis >= 0, axis < operands[0].rank else {
      throw OperatorError(.rank, "softmax runs over axis \(axis), the scores have shape \(operands[0])")
    }
    return operands[0]
  }

  /// What is the same for all scores of a slice cancels.
  public func cancellingAxis(_ shapes: [Shape]) -> Int? { axis }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    operands[0].flatMap { $0.constantAxes.contains(axis) ? nil : Shift(output) }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let slices = Slices(shape: operands[0].shape, axis: axis)
    let (scores, result) = (operands[0].elements, output.elements)
    // Whole rows at a time, so that memory is read in order whatever the axis.
    let inner = slices.inner
    let scratch = workspace.scratch(2 * inner)
    let (largest, sums) = (scratch.baseAddress!, scratch.baseAddress! + inner)
    for outer in 0..<slices.outer {
      let start = outer * slices.count * inner
      let rows = stride(from: start, to: start + slices.count * inner, by: inner)
      largest.update(repeating: -.infinity, count: inner)
      sums.update(repeating: 0, count: inner)
      for row in rows {
        // Not `max`: a NaN must stay, so that it reaches the result.
        for i in 0..<inner where !(scores[row + i] <= largest[i]) { largest[i] = scores[row + i] }
      }
      for row in rows {
        for i in 0..<inner {
          let power = exponential(scores[row + i] - largest[i])
          result[row + i] = power
          sums[i] += power
        }
      }
      for row in rows {
        for i in 0..<inner { result[row + i] /= sums[i] }
      }
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (scores, result) = (operands[0].elements, output.elements)
    Slices(shape: operands[0].shape, axis: axis).forEach { slice in
      let largest = largest(slice.map { scores[$0] })
      var sum = 0.0
      for offset in slice { sum += exponential(scores[offset] - largest) }
      for offset in slice { result[offset] = exponential(scores[offset] - largest) / sum }
    }
  }
}

/// The largest value, or NaN if there is one among them.
func largest(_ values: [Double]) -> Double {
  var largest = -Double.infinity
  for value in values where !(value <= largest) {
    largest = value
    if value.isNaN { break }
  }
  return largest
}

/// The offsets of the slices of an array along one axis.
struct Slices {
  let outer: Int
  let count: Int
  let inner: Int

  init(shape: Shape, axis: Int) {
    outer = shape.dimensions[..<axis].reduce(1, *)
    count = shape[axis]
    inner = shape.dimensions[(axis + 1)...].reduce(1, *)
  }

  func forEach(_ body: (StrideTo<Int>) -> Void) {
    for o in 0..<outer {
      for i in 0..<inner {
        let start = o * count * inner + i
        body(stride(from: start, to: start + count * inner, by: inner))
      }
    }
  }
}
