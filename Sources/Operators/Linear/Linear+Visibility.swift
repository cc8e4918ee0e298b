public import TensorFerryTensors

extension Linear {
  /// A difference in the bias is the same for all rows of x, and so is one in x that is itself the same for all rows.
  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    guard operands.contains(where: { $0 != nil }) else { return nil }
    guard operands[1] == nil else { return Shift(output) }
    let rows = Set(0..<max(0, output.rank - 1))
    return Shift(output, constantAlong: operands[0].map { rows.intersection($0.constantAxes) } ?? rows)
  }

  /// Those of the stage's part of a joint parameter.
  public func elements(of operand: Int, _ shapes: [Shape]) -> Range<Int> {
    let part = operand == 1 ? weight : operand == 2 ? bias : .whole
    let count = shapes[operand].elementCount / part.count
    return part.index * count..<(part.index + 1) * count
  }

  /// A change of `weight[j, i]` moves the result `[row, j]` by `x[row, i]`, one of `bias[j]` moves it by 1; the bound
  /// rises by what it is for that magnitude.
  public func lowerVisibleChange(
    of operand: Int, _ operands: [ArrayView<Double>], bound: ArrayView<Double>, _ rounding: Rounding,
    in changes: inout MutableArrayView<Double>
  ) -> Bool {
    guard operand == 1 || operand == 2 else { return false }
    let shape = operands[1].shape
    let (inputs, outputs) = (shape[1], shape[0] / weight.count)
    guard outputs > 0 else { return true }
    let first = (operand == 1 ? weight.index : bias.index) * outputs
    let slope = rounding.boundOfSum(terms: inputs, bias: operands.count == 3, magnitude: 1)
    let (x, bounds, result) = (operands[0].elements, bound.elements, changes.elements)
    var inverses = [Double](repeating: 0, count: inputs)
    withExtendedLifetime((operands, bound)) {
      for offset in 0..<bounds.count {
        // What the change has to be where the effect is 1.
        let unit = Rounding.visibleChange(bound: bounds[offset], effect: 1, slope: slope)
        let (row, j) = (offset / outputs, first + offset % outputs)
        if operand == 2 {
          result[j] = min(result[j], unit)
          continue
        }
        if offset % outputs == 0 {
          for i in 0..<inputs { inverses[i] = Rounding.outward(0) / x[row * inputs + i].magnitude }
        }
        var i = 0
        while i < inputs {
          let change = unit * inverses[i]
          let place = j * inputs + i
          result[place] = change < result[place] ? change : result[place]
          i += 1
        }
      }
    }
    return true
  }
}
