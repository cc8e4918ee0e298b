import TensorFerryOperators
import TensorFerryTensors

/// An operator with operands, and what someone computed from them.
struct Trial: Sendable {
  let name: String
  let operation: any Operator
  let operands: [Tensor]
  let result: Tensor

  /// The trials that Python emitted as `<index>/<operator>/<operand or result>`.
  static func all(in state: StateDict) throws -> [Trial] {
    var trials: [(name: String, operands: [Tensor], result: Tensor?)] = []
    for element in state {
      let slash = element.name.lastIndex(of: "/")!
      let name = String(element.name[..<slash])
      if trials.last?.name != name { trials.append((name, [], nil)) }
      if element.name[slash...] == "/result" {
        trials[trials.count - 1].result = try element.tensor.read()
      } else {
        trials[trials.count - 1].operands.append(try element.tensor.read())
      }
    }
    return try trials.map { trial in
      guard let operation = operations[String(trial.name.split(separator: "/")[1])], let result = trial.result else {
        throw UnknownTrial(name: trial.name)
      }
      return Trial(name: trial.name, operation: operation, operands: trial.operands, result: result)
    }
  }

  struct UnknownTrial: Error { let name: String }

  static let operations: [String: any Operator] = [
    "linear": Linear(),
    "linear_without_bias": Linear(),
    "softmax_0": Softmax(axis: 0),
    "softmax_1": Softmax(axis: 1),
    "softmax_2": Softmax(axis: 2),
    "weighted_sum": WeightedSum(),
    "attention_pooling": AttentionPooling(),
    "product": BatchedProduct(),
    "product_transposed": BatchedProduct(transposeRight: true),
    "product_scaled": BatchedProduct(transposeRight: true, scale: .inverseRootOfTerms),
    "product_prescaled": BatchedProduct(transposeRight: true, scale: .inverseRootOfTerms),
    "product_of_heads": BatchedProduct(transposeRight: true, scale: .inverseRootOfTerms),
    "linear_part": Linear(weight: .init(1, of: 3), bias: .init(1, of: 3)),
    "linear_part_of_bias": Linear(bias: .init(2, of: 3)),
    "add": Add(),
    "relu": ReLU(),
    "gelu": GELU(),
    "layer_norm": LayerNorm(eps: 1e-5),
    "layer_norm_shifted": LayerNorm(eps: 1e-5),
    "masked_softmax_1": MaskedSoftmax(axis: 1),
    "masked_softmax_3": MaskedSoftmax(axis: 3),
    "split_heads": SplitHeads(heads: 3),
    "merge_heads": MergeHeads(),
    "mean_over_heads": MeanOverHeads(),
  ]

  /// The highest share of the bound that the recorded result takes, in the arithmetic of its type; NaN if one is
  /// not finite.
  ///
  /// - Parameter rounding: how the side rounds that computed it; that of the type if nil.
  func utilisation(_ rounding: Rounding? = nil) throws -> Double {
    let operands = try operands.map { try ArrayView($0.doubles(), shape: $0.shape) }
    return try utilisation(of: result.doubles(), operands, rounding ?? (result.dtype == .f64 ? .float64 : .float32))
  }

  /// The same for what our float32 pass computes; 0 for float64 operands, which it does not take.
  func utilisationOfEngine() throws -> Double {
    guard result.dtype == .f32 else { return 0 }
    let views = try operands.map { try ArrayView($0.floats(), shape: $0.shape) }
    let ours: ArrayView<Float> = try run(views)
    guard ours.shape == result.shape else { return .nan }
    return try utilisation(of: ours.values.map(Double.init), views.map { try $0.widened() }, .float32)
  }

  private func utilisation(of values: [Double], _ operands: [ArrayView<Double>], _ rounding: Rounding) throws -> Double
  {
    let oracle: ArrayView<Double> = try run(operands)
    guard oracle.shape == result.shape else { return .nan }
    let bound = try stage.bound(operands, output: oracle, rounding).values
    var worst = 0.0
    for (index, value) in values.enumerated() {
      let difference = abs(value - oracle[index])
      guard difference.isFinite, bound[index].isFinite else { return .nan }
      worst = max(worst, difference == 0 ? 0 : difference / bound[index])
    }
    return worst
  }

  /// The differences of the recorded result from the oracle, in units of their deviations.
  func scores() throws -> [Double] {
    let operands = try operands.map { try ArrayView($0.doubles(), shape: $0.shape) }
    return try scores(of: result.doubles(), operands, result.dtype == .f64 ? .float64 : .float32)
  }

  /// The same for what our float32 pass computes.
  func scoresOfEngine() throws -> [Double] {
    let views = try operands.map { try ArrayView($0.floats(), shape: $0.shape) }
    let ours: ArrayView<Float> = try run(views)
    return try scores(of: ours.values.map(Double.init), views.map { try $0.widened() }, .float32)
  }

  private func scores(of values: [Double], _ operands: [ArrayView<Double>], _ rounding: Rounding) throws -> [Double] {
    let oracle: ArrayView<Double> = try run(operands)
    guard let deviations = try operation.deviation(operands, output: oracle, rounding) else { return [] }
    return values.indices.map { index in
      let difference = abs(values[index] - oracle[index])
      return difference == 0 ? 0 : difference / deviations[index]
    }
  }

  private var stage: Stage { Stage(name, operation) }

  private func run<Scalar: StageScalar>(_ operands: [ArrayView<Scalar>]) throws -> ArrayView<Scalar> {
    var workspace = Workspace()
    return try stage.evaluate(operands, &workspace)
  }
}
