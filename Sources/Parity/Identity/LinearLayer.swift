internal import TensorFerryOperators
internal import TensorFerryTensors

/// A linear stage with its parameters, or the parts of them that belong to it.
struct LinearLayer {
  /// A parameter, and where the stage's part of it begins.
  struct Part {
    let parameter: String
    let start: Int
    /// Whether the stage takes the whole parameter.
    var isWhole = true
  }

  let name: String
  let input: ValueName
  let weight: Part
  let bias: Part?
  let outputs: Int
  let features: Int
  /// Of the stage's part, widened.
  let weightValues: [Float]
  let biasValues: [Float]?
  /// How far the weights may be from those of the reference, relative to their size, because both computed them.
  let weightDifference: Double

  /// Nil for a stage that is not linear in parameters, or has no element.
  init?(_ stage: Stage, _ parameters: [String: ArrayView<Float>], _ computed: [String: Double]) {
    guard let linear = stage.operation as? Linear, stage.operands.count >= 2,
      case .parameter(let weightName) = stage.operands[1], let matrix = parameters[weightName]
    else { return nil }
    name = stage.name
    input = stage.operands[0]
    outputs = matrix.shape[0] / linear.weight.count
    features = matrix.shape[1]
    guard outputs > 0, features > 0 else { return nil }
    weight = Part(
      parameter: weightName, start: linear.weight.index * outputs * features, isWhole: linear.weight.count == 1)
    weightValues = Array(matrix.values[weight.start..<weight.start + outputs * features])
    var differences = [computed[weightName] ?? 0]
    if stage.operands.count == 3 {
      guard case .parameter(let biasName) = stage.operands[2], let vector = parameters[biasName] else { return nil }
      let part = Part(parameter: biasName, start: linear.bias.index * outputs, isWhole: linear.bias.count == 1)
      bias = part
      biasValues = Array(vector.values[part.start..<part.start + outputs])
      differences.append(computed[biasName] ?? 0)
    } else {
      bias = nil
      biasValues = nil
    }
    weightDifference = differences.max() ?? 0
  }

  func evidence(inputs: [Double], recorded: [Double]) -> LinearEvidence {
    var rounding = Rounding.float64
    rounding.weightDifference = weightDifference
    return LinearEvidence(
      inputs: inputs, recorded: recorded, weight: weightValues.map(Double.init), bias: biasValues?.map(Double.init),
      outputs: outputs, rounding: rounding)
  }
}

extension StageVerifier {
  /// The layer of a linear stage with the parameters that are verified; nil for another stage.
  func layer(_ stage: Stage) -> LinearLayer? {
    var parameters: [String: ArrayView<Float>] = [:]
    var computed: [String: Double] = [:]
    for case .parameter(let name) in stage.operands {
      parameters[name] = float32[.parameter(name)]
      computed[name] = weightDifferences[stage.name]
    }
    return LinearLayer(stage, parameters, computed)
  }
}
