public import TensorFerryTensors

/// Softmax along one axis over the positions that a mask leaves; the others get exactly 0.
///
/// Operands: scores `[batch, ...]`, mask `[batch, positions]`, where `positions` is the size of the axis and everything
/// but 0 means *ignored*. Result: the shape of the scores. What the scores are where the mask ignores them does not
/// matter. A slice that is ignored as a whole becomes NaN, as a softmax over scores of -inf does.
public struct MaskedSoftmax: Operator {
  public static let id = "masked_softmax"

  /// The axis along which the results sum to 1, counted from 0; not the batch.
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var keepsSamplesApart: Bool { true }

  public func outputShape(_ operands: [Shape]) throws -> Shape {
    try checkCount(operands, 2...2)
    let (scores, mask) = (operands[0], operands[1])
    guard axis >= 1, axis < scores.rank else {
      throw OperatorError(.rank, "masked_softmax runs over axis \(axis), the scores have shape \(scores)")
    }
    try checkRank("a mask", mask, 2)
    guard mask[0] == scores[0], mask[1] == scores[axis] else {
      throw OperatorError(
        .dimensionMismatch, "scores \(scores) need a mask [\(scores[0]), \(scores[axis])], its shape is \(mask)")
    }
    return scores
  }

  /// What is the same for all scores of a slice cancels.
  public func cancellingAxis(_ shapes: [Shape]) -> Int? { axis }

  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    guard operands[1] == nil else { return Shift(output) }
    return operands[0].flatMap { $0.constantAxes.contains(axis) ? nil : Shift(output) }
  }

  public func forward(
    _ operands: [ArrayView<Float>], into output: inout MutableArrayView<Float>, _ workspace: inout Workspace
  ) {
    let (scores, result) = (operands[0].elements, output.elements)
    forEachSlice(operands) { slice, isIgnored in
      var largest = -Float.infinity
      // Not `max`: a NaN must stay, so that it reaches the result.
      for (t, offset) in slice.enumerated() where !isIgnored[t] && !(scores[offset] <= largest) {
        largest = scores[offset]
      }
      var sum: Float = 0
      for (t, offset) in slice.enumerated() {
        let power = isIgnored[t] ? 0 : exponential(scores[offset] - largest)
        result[offset] = power
        sum += power
      }
      for offset in slice { result[offset] /= sum }
    }
  }

  public func forward(_ operands: [ArrayView<Double>], into output: inout MutableArrayView<Double>) {
    let (scores, result) = (operands[0].elements, output.elements)
    forEachSlice(operands) { slice, isIgnored in
      let largest = largest(slice.enumerated().compactMap { isIgnored[$0] ? nil : scores[$1] })
      var sum = 0.0
      for (t, offset) in slice.enumerated() where !isIgnored[t] { sum += exponential(scores[offset] - largest) }
      for (t, offset) in slice.enumerated() {
        result[offset] = (isIgnored[t] ? 0 : exponential(scores[offset] - largest)) / sum
      }
    }
  }

  /// That of ``Softmax`` over the positions that are left; nothing is rounded at the others.
  public func bound(
    _ operands: [ArrayView<Double>], output: ArrayView<Double>, _ rounding: Rounding,
    into bound: inout MutableArrayView<Double>
  ) {
    let (scores, shares, result) = (operands[0].elements, output.elements, bound.elements)
    forEachSlice(operands) { slice, isIgnored in
      for offset in slice { result[offset] = 0 }
      let left = slice.enumerated().compactMap { isIgnored[$0] ? nil : $1 }
      rounding.boundSoftmax(at: left, scores, shares, into: result)
    }
  }

  /// Calls `body` with the offsets of each slice, and what its mask says of each of its positions.
  func forEachSlice<Scalar: BinaryFloatingPoint>(
    _ operands: [ArrayView<Scalar>], _ body: (StrideTo<Int>, [Bool]) -> Void
  ) {
    let slices = Slices(shape: operands[0].shape, axis: axis)
    let isIgnored = operands[1].elements.map { $0 != 0 }
    let perSample = operands[0].shape.dimensions.dropFirst().reduce(1, *)
    slices.forEach { slice in
      let sample = (slice.first { _ in true } ?? 0) / max(perSample, 1)
      body(slice, Array(isIgnored[sample * slices.count..<(sample + 1) * slices.count]))
    }
  }
}
