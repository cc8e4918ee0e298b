public import TensorFerryTensors

extension LayerNorm {
  /// The mean takes out what is the same for all features.
  public func cancellingAxis(_ shapes: [Shape]) -> Int? { shapes[0].rank - 1 }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    let features = output.rank - 1
    let isMoved = operands[0].map { !$0.constantAxes.contains(features) } ?? false
    if isMoved || operands[1] != nil { return Shift(output) }
    return operands[2] == nil ? nil : Shift(output, constantAlong: 0..<features)
  }

  /// A change of `weight[i]` moves the result by the normalised feature, one of `bias[i]` moves it by 1.
  public func lowerVisibleChange(
    of operand: Int, _ operands: [ArrayView<Double>], bound: ArrayView<Double>, _ rounding: Rounding,
    in changes: inout MutableArrayView<Double>
  ) -> Bool {
    guard operand == 1 || operand == 2 else { return false }
    let features = operands[1].count
    guard features > 0 else { return true }
    let (x, bounds, result) = (operands[0].elements, bound.elements, changes.elements)
    withExtendedLifetime((operands, bound)) {
      for start in stride(from: 0, to: bounds.count, by: features) {
        let moments = Moments(UnsafeBufferPointer(rebasing: x[start..<start + features]))
        let scale = 1 / (moments.variance + eps).squareRoot()
        for i in 0..<features {
          let value = x[start + i]
          // The bound of a result with weight 1 and bias 0, or with bias 1 alone, is how fast the bound rises.
          let slope = slope(of: moments, features, value, rounding, ofWeight: operand == 1)
          let effect = operand == 1 ? ((value - moments.mean) * scale).magnitude : 1
          let change = Rounding.visibleChange(bound: bounds[start + i], effect: effect, slope: slope)
          if change < result[i] { result[i] = change }
        }
      }
    }
    return true
  }
}
