internal import TensorFerryTensors

extension TensorTransform {
  /// The results as lazy tensors; nothing is read now, except by the first read of a result.
  ///
  /// Memory of a read: as much as the range that is asked for, and a vector for `weight_norm` and `batch_norm`.
  ///
  /// - Precondition: ``results(of:)`` accepts the types of the tensors.
  func apply(to tensors: [LazyTensor]) throws -> [LazyTensor] {
    let types = tensors.map { TensorType($0.dtype, $0.shape) }
    let results = try results(of: types)
    switch self {
    case .transpose: return try tensors.map { try $0.permuted([1, 0]) }
    case .permute(let order): return try tensors.map { try $0.permuted(order) }
    case .reshape: return try zip(tensors, results).map { try $0.reshaped($1.shape) }
    case .slice(let axis, let start, let end): return try tensors.map { try $0.sliced(axis: axis, start..<end) }
    case .part(let axis, let index, let count):
      return try tensors.map { tensor in
        let part = tensor.shape[axis] / count
        return try tensor.sliced(axis: axis, index * part..<(index + 1) * part)
      }
    case .split(let axis, _), .splitSizes(let axis, _):
      return try Self.parts(of: tensors[0], axis, results.map { $0.shape[axis] })
    case .concatenate(let axis): return [try LazyTensor.concatenated(tensors, axis: axis)]
    case .stack(let axis):
      var dimensions = results[0].shape.dimensions
      dimensions[axis] = 1
      let shape = try Shape(dimensions)
      return [try LazyTensor.concatenated(tensors.map { try $0.reshaped(shape) }, axis: axis)]
    case .unstack(let axis):
      let sizes = [Int](repeating: 1, count: results.count)
      return try zip(Self.parts(of: tensors[0], axis, sizes), results).map { try $0.reshaped($1.shape) }
    case .reorder(let axis, let order):
      return try tensors.map { tensor in
        let sizes = [Int](repeating: tensor.shape[axis] / order.count, count: order.count)
        let parts = try Self.parts(of: tensor, axis, sizes)
        return try LazyTensor.concatenated(order.map { parts[$0] }, axis: axis)
      }
    case .cast(let dtype): return try tensors.map { try $0.cast(to: dtype) }
    case .castEach(let dtypes): return try zip(tensors, dtypes).map { try $0.cast(to: $1) }
    case .add(let number): return try tensors.map { try $0.mapped { { value, _ in value + number } } }
    case .scale(let number): return try tensors.map { try $0.mapped { { value, _ in value * number } } }
    case .weightNorm(let axis): return [try Self.weightNormed(tensors[0], tensors[1], axis)]
    case .batchNorm(let epsilon): return try Self.batchNormed(tensors, epsilon)
    case .constant(let type, let value):
      let zeros = try LazyTensor(dtype: type.dtype, shape: type.shape, content: .reader(ZeroRange()))
      return [try zeros.mapped { { _, _ in value } }]
    case .share(let count): return [LazyTensor](repeating: tensors[0], count: count)
    }
  }

  private static func parts(of tensor: LazyTensor, _ axis: Int, _ sizes: [Int]) throws -> [LazyTensor] {
    var start = 0
    return try sizes.map { size in
      defer { start += size }
      return try tensor.sliced(axis: axis, start..<start + size)
    }
  }

  /// `v * g / ||v||` (Salimans and Kingma, Weight Normalization, 2016), in binary64, rounded once.
  private static func weightNormed(_ g: LazyTensor, _ v: LazyTensor, _ axis: Int) throws -> LazyTensor {
    let count = v.shape[axis]
    let run = v.shape.dimensions[(axis + 1)...].reduce(1, *)
    return try v.mapped(with: [g]) {
      let factors = try zip(g.binary64(), v.norms(axis: axis)).map { $0 / $1 }
      return { value, index in value * factors[index / run % count] }
    }
  }

  /// `W' = s W`, `b' = s (b - mean) + beta` with `s = gamma / sqrt(variance + epsilon)`, in binary64, rounded once: what
  /// `torch.nn.utils.fusion.fuse_linear_bn_eval` computes in float32.
  private static func batchNormed(_ tensors: [LazyTensor], _ epsilon: Double) throws -> [LazyTensor] {
    let (weight, norm) = (tensors[0], Array(tensors.suffix(4)))
    let bias = tensors.count == 6 ? tensors[1] : nil
    let run = weight.shape.dimensions.dropFirst().reduce(1, *)
    let factors: @Sendable () throws -> [Double] = {
      try zip(norm[0].binary64(), norm[3].binary64()).map { $0 / ($1 + epsilon).squareRoot() }
    }
    let folded = try weight.mapped(with: norm) {
      let factors = try factors()
      return { value, index in value * factors[index / run] }
    }
    let shift = try norm[1].mapped(with: tensors) {
      let (factors, means) = (try factors(), try norm[2].binary64())
      let biases = try bias?.binary64()
      return { beta, index in factors[index] * ((biases?[index] ?? 0) - means[index]) + beta }
    }
    return [folded, shift]
  }
}

private struct ZeroRange: RangeReader {
  var sourceFiles: [SourceFile] { [] }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }
}
