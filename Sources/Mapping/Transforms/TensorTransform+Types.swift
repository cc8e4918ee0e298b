internal import TensorFerryTensors

/// Why a transform does not fit the tensors that it is given.
struct TransformMisfit: Error {
  let reason: String
  let suggestion: String?

  init(_ reason: String, _ suggestion: String? = nil) {
    self.reason = reason
    self.suggestion = suggestion
  }
}

extension TensorTransform {
  /// The types of the results, from those of the operands alone.
  ///
  /// - Throws: ``TransformMisfit`` if the operands do not fit, ``TensorError`` if a size overflows.
  func results(of types: [TensorType]) throws -> [TensorType] {
    if let packed = types.first(where: { $0.dtype.bitWidth < 8 || $0.dtype == .block }), !keeps(packed.dtype) {
      throw TransformMisfit("\(packed.dtype.rawValue) is packed, its elements cannot be moved one by one")
    }
    switch self {
    case .transpose: return try types.map { try Self.permuted($0, [1, 0], "transpose takes a matrix") }
    case .permute(let order):
      return try types.map { try Self.permuted($0, order, "permute \(order) names \(order.count) axes") }
    case .reshape(let dimensions): return try types.map { try Self.reshaped($0, dimensions) }
    case .slice(let axis, let start, let end):
      return try types.map { type in
        let length = try Self.length(of: axis, type)
        guard 0 <= start, start <= end, end <= length else {
          throw TransformMisfit("axis \(axis) of \(type.shape) has no indices from \(start) to \(end)")
        }
        return try Self.resized(type, axis, end - start)
      }
    case .part(let axis, let index, let count):
      return try types.map { type in
        let part = try Self.equalPart(of: axis, count, type)
        guard 0 <= index, index < count else { throw TransformMisfit("there is no part \(index) of \(count)") }
        return try Self.resized(type, axis, part)
      }
    case .split(let axis, let parts):
      let type = try Self.one(types, "split")
      let part = try Self.resized(type, axis, try Self.equalPart(of: axis, parts, type))
      return [TensorType](repeating: part, count: parts)
    case .splitSizes(let axis, let sizes):
      let type = try Self.one(types, "split")
      return try Self.sizes(sizes, of: axis, type).map { try Self.resized(type, axis, $0) }
    case .concatenate(let axis): return [try Self.concatenated(types, axis)]
    case .stack(let axis):
      guard let first = types.first, types.allSatisfy({ $0 == first }) else {
        throw TransformMisfit("stack takes tensors of one type and shape, these are \(Self.list(types))")
      }
      guard (0...first.shape.rank).contains(axis) else {
        throw TransformMisfit("\(first.shape) has no place for a new axis \(axis)")
      }
      var dimensions = first.shape.dimensions
      dimensions.insert(types.count, at: axis)
      return [TensorType(first.dtype, try Shape(dimensions))]
    case .unstack(let axis):
      let type = try Self.one(types, "unstack")
      let count = try Self.length(of: axis, type)
      guard count <= MappingLimits.tensors else {
        throw TransformMisfit("unstack would make \(count) tensors, the limit is \(MappingLimits.tensors)")
      }
      var dimensions = type.shape.dimensions
      dimensions.remove(at: axis)
      return [TensorType](repeating: TensorType(type.dtype, try Shape(dimensions)), count: count)
    case .reorder(let axis, let order):
      return try types.map { type in
        guard order.sorted() == Array(0..<order.count) else {
          throw TransformMisfit("\(order) does not name each of \(order.count) parts once")
        }
        _ = try Self.equalPart(of: axis, order.count, type)
        return type
      }
    case .cast(let dtype): return try types.map { try Self.cast($0, dtype) }
    case .castEach(let dtypes): return try zip(types, dtypes).map { try Self.cast($0, $1) }
    case .add, .scale:
      return try types.map { type in
        guard type.dtype.isFloatingPoint else {
          throw TransformMisfit("\(name) takes floating-point tensors, this is \(type)")
        }
        return type
      }
    case .weightNorm(let axis): return [try Self.weightNormed(types, axis)]
    case .batchNorm: return try Self.batchNormed(types)
    case .constant(let type, _): return [type]
    case .share(let count): return [TensorType](repeating: try Self.one(types, "share"), count: count)
    }
  }

  /// True if tensors of a packed type pass whole. The shape of blocks is that of their bytes and means nothing else.
  private func keeps(_ packed: DType) -> Bool {
    switch self {
    case .reshape: packed != .block
    case .share: true
    default: false
    }
  }

  private static func one(_ types: [TensorType], _ name: String) throws -> TensorType {
    guard types.count == 1 else { throw TransformMisfit("\(name) takes one tensor, there are \(types.count)") }
    return types[0]
  }

  static func length(of axis: Int, _ type: TensorType) throws -> Int {
    guard (0..<type.shape.rank).contains(axis) else { throw TransformMisfit("\(type.shape) has no axis \(axis)") }
    return type.shape[axis]
  }

  private static func equalPart(of axis: Int, _ count: Int, _ type: TensorType) throws -> Int {
    let length = try length(of: axis, type)
    guard (1...MappingLimits.tensors).contains(count), length % count == 0 else {
      let divisors = (2...8).filter { length % $0 == 0 }.map(String.init).joined(separator: ", ")
      throw TransformMisfit(
        "axis \(axis) of \(type.shape) has \(length) indices, which are not \(count) equal parts",
        divisors.isEmpty ? "give the sizes of the parts" : "it divides by \(divisors)")
    }
    return length / count
  }

  /// The sizes of the parts with the -1 replaced.
  static func sizes(_ sizes: [Int], of axis: Int, _ type: TensorType) throws -> [Int] {
    let length = try length(of: axis, type)
    let open = sizes.indices.filter { sizes[$0] == -1 }
    var sum = 0
    for size in sizes where size != -1 {
      let (next, overflow) = sum.addingReportingOverflow(size)
      guard size >= 0, !overflow else { throw TransformMisfit("\(sizes) are no sizes of parts") }
      sum = next
    }
    guard open.count <= 1, open.isEmpty ? sum == length : sum <= length else {
      throw TransformMisfit("axis \(axis) of \(type.shape) has \(length) indices, the parts \(sizes) have \(sum)")
    }
    return sizes.map { $0 == -1 ? length - sum : $0 }
  }

  private static func resized(_ type: TensorType, _ axis: Int, _ length: Int) throws -> TensorType {
    var dimensions = type.shape.dimensions
    dimensions[axis] = length
    return TensorType(type.dtype, try Shape(dimensions))
  }

  private static func permuted(_ type: TensorType, _ order: [Int], _ what: String) throws -> TensorType {
    guard order.count == type.shape.rank else { throw TransformMisfit("\(what), the tensor is \(type.shape)") }
    guard order.sorted() == Array(0..<order.count) else {
      throw TransformMisfit("permute \(order) does not name each axis once")
    }
    return TensorType(type.dtype, try Shape(order.map { type.shape[$0] }))
  }

  static func reshaped(_ type: TensorType, _ dimensions: [Int]) throws -> TensorType {
    let misfit = TransformMisfit(
      "\(type.shape) has \(type.shape.elementCount) elements, which do not make \(dimensions)")
    let open = dimensions.indices.filter { dimensions[$0] == -1 }
    guard open.count <= 1, dimensions.allSatisfy({ $0 >= -1 }) else { throw misfit }
    var filled = dimensions
    if let index = open.first {
      filled[index] = 1
      let known = try Shape(filled).elementCount
      guard known > 0, type.shape.elementCount % known == 0 else { throw misfit }
      filled[index] = type.shape.elementCount / known
    }
    let shape = try Shape(filled)
    guard shape.elementCount == type.shape.elementCount else { throw misfit }
    return TensorType(type.dtype, shape)
  }

  private static func concatenated(_ types: [TensorType], _ axis: Int) throws -> TensorType {
    guard let first = types.first else { throw TransformMisfit("concatenate takes at least one tensor") }
    var total = 0
    for type in types {
      let length = try length(of: axis, type)
      guard type.dtype == first.dtype, try resized(type, axis, first.shape[axis]) == first else {
        throw TransformMisfit("tensors that differ beside axis \(axis) are not concatenated: \(list(types))")
      }
      let (sum, overflow) = total.addingReportingOverflow(length)
      guard !overflow else { throw TransformMisfit("the lengths of axis \(axis) exceed 2^63 - 1") }
      total = sum
    }
    return try resized(first, axis, total)
  }

  private static func cast(_ type: TensorType, _ dtype: DType) throws -> TensorType {
    guard type.dtype == dtype || (type.dtype.isFloatingPoint && dtype.isFloatingPoint) else {
      throw TransformMisfit(
        "\(type) is not cast to \(dtype.rawValue)", "casts are between F64, F32, F16, BF16, F8_E4M3 and F8_E5M2")
    }
    return TensorType(dtype, type.shape)
  }

  private static func weightNormed(_ types: [TensorType], _ axis: Int) throws -> TensorType {
    guard types.count == 2, types.allSatisfy(\.dtype.isFloatingPoint), types[0].dtype == types[1].dtype else {
      throw TransformMisfit("weight_norm takes a magnitude and a direction of one type, these are \(list(types))")
    }
    let (g, v) = (types[0], types[1])
    let count = try length(of: axis, v)
    guard g.shape.elementCount == count, g.shape.squeezed.count <= 1 else {
      let swapped = v.shape.elementCount < g.shape.elementCount
      throw TransformMisfit(
        "a direction of \(v.shape) takes a magnitude of \(count) elements on axis \(axis), this is \(g.shape)",
        swapped ? "the magnitude comes first: from: [weight_g, weight_v]" : nil)
    }
    return v
  }

  /// Operands: weight, bias (if there are six), and gamma, beta, running mean, running variance.
  private static func batchNormed(_ types: [TensorType]) throws -> [TensorType] {
    guard types.count == 5 || types.count == 6, types.allSatisfy({ $0.dtype == types[0].dtype }),
      types[0].dtype.isFloatingPoint
    else {
      throw TransformMisfit(
        "batch_norm takes weight, bias, gamma, beta, running mean and running variance, or these without the bias, of "
          + "one floating-point type; these are \(list(types))")
    }
    let count = try length(of: 0, types[0])
    guard types.dropFirst().allSatisfy({ $0.shape.dimensions == [count] }) else {
      throw TransformMisfit("a weight of \(types[0].shape) takes vectors of \(count) elements: \(list(types))")
    }
    return [types[0], types[types.count - 1]]
  }

  private static func list(_ types: [TensorType]) -> String {
    types.prefix(6).map(\.description).joined(separator: ", ") + (types.count > 6 ? ", ..." : "")
  }
}

/// What a mapping may ask for, compared before memory is taken.
enum MappingLimits {
  /// Tensors that one transform makes.
  static let tensors = 1_000_000
  /// Bytes of a mapping file.
  static let fileByteCount = 16 << 20
  /// Values in a mapping file, aliases counted as often as they are used.
  static let values = 1_000_000
  /// How deep the values of a mapping file nest.
  static let depth = 64
}
