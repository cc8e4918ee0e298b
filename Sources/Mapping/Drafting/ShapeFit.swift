internal import TensorFerryTensors

/// A way to make a tensor of the target's shape from one of the source's without losing or inventing an element.
struct ShapeFit: Hashable {
  /// Which side of a matrix is stored first.
  enum Orientation: String, Hashable {
    case outputFirst = "[out, in]"
    case inputFirst = "[in, out]"
    /// MLX's convolutions: `[out, height, width, in]`.
    case channelsLast = "channels last"
  }

  let transforms: [TensorTransform]
  /// Nil if the question does not arise, as with vectors.
  let orientation: Orientation?
  /// True if only the number of elements fits, so that a name must vouch for it.
  var isReshaped = false

  /// All ways from `source` to `target`; those that the declared layout contradicts are left out.
  static func all(_ source: Shape, to target: Shape, role: ModuleRole?, layout: ParameterLayout?) -> [ShapeFit] {
    guard source.elementCount == target.elementCount else { return [] }
    var fits: [ShapeFit] = []
    if source == target {
      let isMatrix = target.rank > 1 && target.squeezed.count > 1
      fits.append(ShapeFit(transforms: [], orientation: isMatrix ? .outputFirst : nil))
    }
    if source.rank == target.rank { fits += permuted(source, target) }
    if fits.isEmpty, let role, role.hasHeads { fits = joinedHeads(source, target, role) }
    if fits.isEmpty, source.squeezed == target.squeezed, source.rank != target.rank {
      fits = [ShapeFit(transforms: [.reshape(target.dimensions)], orientation: nil, isReshaped: true)]
    }
    return fits.filter { fit in
      switch layout {
      case nil: true
      case .outputFirst: fit.orientation != .inputFirst
      case .inputFirst: fit.orientation == nil || fit.orientation == .inputFirst
      }
    }
  }

  private static func permuted(_ source: Shape, _ target: Shape) -> [ShapeFit] {
    let orders: [([Int], Orientation)]
    switch source.rank {
    case 2: orders = [([1, 0], .inputFirst)]
    case 3: orders = [([2, 1, 0], .inputFirst), ([0, 2, 1], .channelsLast)]
    case 4: orders = [([3, 2, 0, 1], .inputFirst), ([0, 3, 1, 2], .channelsLast)]
    case 5: orders = [([4, 3, 0, 1, 2], .inputFirst), ([0, 4, 1, 2, 3], .channelsLast)]
    default: orders = []
    }
    return orders.compactMap { order, orientation in
      guard order.map({ source[$0] }) == target.dimensions else { return nil }
      // A row that is read as a column holds the same elements in the same order.
      guard source != target || target.squeezed.count > 1 else { return nil }
      return ShapeFit(transforms: [source.rank == 2 ? .transpose : .permute(order)], orientation: orientation)
    }
  }

  /// Matrices of an attention with an axis for the heads, `[in, heads, size]` and `[heads, size, out]` in Keras.
  ///
  /// Query, key and value have the heads among their outputs, the output projection among its inputs; so the lone axis
  /// tells which side comes first, unless there is one head only.
  private static func joinedHeads(_ source: Shape, _ target: Shape, _ role: ModuleRole) -> [ShapeFit] {
    if source.rank == 2, target.rank == 1 {
      return [ShapeFit(transforms: [.reshape(target.dimensions)], orientation: nil)]
    }
    guard source.rank == 3, target.rank == 2 else { return [] }
    let headsAreOutputs = role != .attentionOutput
    let (output, input) = (target[0], target[1])
    var fits: [ShapeFit] = []
    // [lone, heads, size]: the lone axis is the input of a query, the output of an output projection.
    if source[0] == (headsAreOutputs ? input : output), source[1] * source[2] == (headsAreOutputs ? output : input) {
      fits.append(headsAreOutputs ? fit([input, output], .inputFirst) : fit([output, input], .outputFirst))
    }
    // [heads, size, lone].
    if source[2] == (headsAreOutputs ? input : output), source[0] * source[1] == (headsAreOutputs ? output : input) {
      fits.append(headsAreOutputs ? fit([output, input], .outputFirst) : fit([input, output], .inputFirst))
    }
    return fits
  }

  private static func fit(_ shape: [Int], _ orientation: Orientation) -> ShapeFit {
    ShapeFit(
      transforms: [.reshape(shape)] + (orientation == .inputFirst ? [.transpose] : []), orientation: orientation)
  }
}
