/// One step on the way from source tensors to target tensors.
///
/// Steps are a list, applied in order. What stands before `concatenate` is done to each source; `split` comes last and
/// makes the targets in their order.
package enum DraftTransform: Hashable, Sendable, CustomStringConvertible {
  /// Swaps the two axes of a matrix.
  case transpose
  /// Axis `i` of the result is axis `order[i]` of the operand.
  case permute([Int])
  /// The same elements in row-major order under another shape.
  case reshape([Int])
  /// Joins the sources, in their order.
  case concatenate(axis: Int)
  /// Cuts into equal parts.
  case split(axis: Int, parts: Int)

  package var description: String {
    switch self {
    case .transpose: "transpose"
    case .permute(let order): "permute \(order)"
    case .reshape(let shape): "reshape \(shape)"
    case .concatenate(let axis): "concatenate on axis \(axis)"
    case .split(let axis, let parts): "split axis \(axis) into \(parts)"
    }
  }
}
