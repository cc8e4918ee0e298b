internal import TensorFerryOperators
internal import TensorFerryTensors

/// The elements of a parameter that a stage takes: all of them, or those of its part of a joint one.
struct ParameterPart {
  let parameter: String
  let stage: Stage
  /// The index of the parameter among the stage's operands.
  let operand: Int
  /// Offsets in row-major order.
  let elements: Range<Int>
}

extension StageVerifier {
  /// Of each parameter, in the order of the stages.
  var parts: [ParameterPart] {
    let shapes = float32.mapValues(\.shape)
    return graph.stages.flatMap { stage in
      stage.operands.indices.compactMap { index in
        guard case .parameter(let name) = stage.operands[index] else { return nil }
        // An operator tells the elements of a parameter from the shapes of its parameters alone.
        let operands = stage.operands.map { shapes[$0] ?? [] }
        return ParameterPart(
          parameter: name, stage: stage, operand: index, elements: stage.operation.elements(of: index, operands))
      }
    }
  }
}
