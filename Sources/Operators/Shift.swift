public import TensorFerryTensors

/// How a value differs between two runs of a model, as far as the stages alone tell it: whatever the numbers are.
public struct Shift: Hashable, Sendable {
  /// The axes along which the difference does not vary; an axis of size 1 always is one of them.
  public let constantAxes: Set<Int>

  /// - Parameter axes: those along which the difference does not vary, beside those of size 1.
  public init(_ shape: Shape, constantAlong axes: some Sequence<Int> = []) {
    constantAxes = Set(axes).union(shape.dimensions.indices.filter { shape[$0] == 1 })
  }
}

extension Operator {
  public func cancellingAxis(_ shapes: [Shape]) -> Int? { nil }

  /// Any change of an operand may change every element of the result in its own way.
  public func shift(_ operands: [Shift?], _ shapes: [Shape], output: Shape) -> Shift? {
    operands.contains { $0 != nil } ? Shift(output) : nil
  }

  public func elements(of operand: Int, _ shapes: [Shape]) -> Range<Int> { 0..<shapes[operand].elementCount }

  public func lowerVisibleChange(
    of operand: Int, _ operands: [ArrayView<Double>], bound: ArrayView<Double>, _ rounding: Rounding,
    in changes: inout MutableArrayView<Double>
  ) -> Bool { false }
}

extension StageGraph {
  /// Follows a difference through the stages.
  ///
  /// - Parameters:
  ///   - isChanged: whether the difference starts at this operand of this stage.
  ///   - shapes: of all values.
  /// - Returns: the stages whose result differs, and those that take a difference and whose result does not.
  package func spread(
    _ shapes: [ValueName: Shape], where isChanged: (Stage, _ operand: Int) -> Bool
  ) -> (reached: Set<String>, cancelling: [Stage]) {
    var shifts: [ValueName: Shift] = [:]
    var cancelling: [Stage] = []
    for stage in stages {
      let operands = stage.operands.indices.map { index in
        let name = stage.operands[index]
        return shifts[name] ?? (isChanged(stage, index) ? Shift(shapes[name]!) : nil)
      }
      guard operands.contains(where: { $0 != nil }) else { continue }
      let name = ValueName.stage(stage.name)
      shifts[name] = stage.operation.shift(operands, stage.operands.map { shapes[$0]! }, output: shapes[name]!)
      if shifts[name] == nil { cancelling.append(stage) }
    }
    return (Set(stages.map(\.name).filter { shifts[.stage($0)] != nil }), cancelling)
  }
}
