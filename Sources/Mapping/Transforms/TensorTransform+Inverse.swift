internal import TensorFerryTensors

extension TensorTransform {
  /// The transform that leads from the results back to the operands, or nil if there is none.
  ///
  /// The inverse of a cast, a sum and a product is one in exact arithmetic; whether it gives back the bits is for
  /// ``MappingPlan/roundTrip(_:)`` to find.
  ///
  /// - Parameter types: those of the operands.
  func inverse(of types: [TensorType]) -> TensorTransform? {
    switch self {
    case .transpose: return .transpose
    case .permute(let order):
      return .permute(order.indices.map { axis in order.firstIndex(of: axis) ?? axis })
    case .reshape:
      let shape = types.first?.shape
      return types.allSatisfy { $0.shape == shape } ? shape.map { .reshape($0.dimensions) } : nil
    case .split(let axis, _), .splitSizes(let axis, _): return .concatenate(axis: axis)
    case .concatenate(let axis): return .splitSizes(axis: axis, types.map { $0.shape[axis] })
    case .stack(let axis): return .unstack(axis: axis)
    case .unstack(let axis): return .stack(axis: axis)
    case .reorder(let axis, let order):
      return .reorder(axis: axis, order.indices.map { part in order.firstIndex(of: part) ?? part })
    case .cast, .castEach: return .castEach(types.map(\.dtype))
    case .add(let number): return .add(-number)
    case .scale(let number): return number == 0 || !number.isFinite ? nil : .scale(1 / number)
    case .slice, .part, .weightNorm, .batchNorm, .constant, .share: return nil
    }
  }

  /// Why there is no inverse, in words.
  var lossReason: String {
    switch self {
    case .slice, .part: "takes a part of a tensor, and no rule takes the rest"
    case .weightNorm: "weight_norm keeps the product of magnitude and direction, not the two"
    case .batchNorm: "batch_norm keeps the folded layer, not the two"
    case .scale: "a product with 0 or infinity keeps nothing"
    default: "\(name) has no inverse here"
    }
  }
}
