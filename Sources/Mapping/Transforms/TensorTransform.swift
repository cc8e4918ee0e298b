public import TensorFerryTensors

/// What a rule does to tensors on their way: each transform turns a list of tensors into a list of tensors.
///
/// Transforms are data: they print, they are read from mapping files, they tell the shapes of their results from the
/// shapes of their operands, and most of them have an inverse. Those that work on one tensor are applied to every
/// tensor of the list.
public enum TensorTransform: Hashable, Sendable {
  /// The two axes of a matrix change places.
  case transpose
  /// The axes in another order: axis `i` of the result is axis `order[i]` of the operand, as `numpy.transpose` has it.
  case permute([Int])
  /// The same elements in row-major order under other dimensions, of which one may be -1.
  case reshape([Int])
  /// The indices from `start` up to `end` of an axis.
  case slice(axis: Int, start: Int, end: Int)
  /// The part with an index, out of `count` equal parts of an axis.
  case part(axis: Int, index: Int, of: Int)
  /// One tensor becomes equal parts of an axis.
  case split(axis: Int, parts: Int)
  /// One tensor becomes parts of an axis with these sizes, of which one may be -1.
  case splitSizes(axis: Int, [Int])
  /// All tensors become one, behind each other on an axis.
  case concatenate(axis: Int)
  /// All tensors, which have one shape, become one with a new axis.
  case stack(axis: Int)
  /// One tensor becomes as many as an axis is long, without that axis.
  case unstack(axis: Int)
  /// Equal parts of an axis change places: part `i` of the result is part `order[i]` of the operand.
  case reorder(axis: Int, [Int])
  /// Another floating-point type; rounds to nearest, ties to even.
  case cast(DType)
  /// A type for each tensor.
  case castEach([DType])
  /// A number is added to each element; computed in binary64 and rounded once.
  case add(Double)
  /// Each element is multiplied by a number; computed in binary64 and rounded once.
  case scale(Double)
  /// A magnitude `g` and a direction `v` become the weight `v * g / ||v||`, the norm taken over all axes but one.
  case weightNorm(axis: Int)
  /// A linear layer and the batch normalisation behind it become one linear layer.
  case batchNorm(epsilon: Double)
  /// Nothing becomes a tensor with one value everywhere.
  case constant(TensorType, Double)
  /// One tensor under as many names as the rule has targets.
  case share(Int)

  /// The name in mapping files.
  public var name: String {
    switch self {
    case .transpose: "transpose"
    case .permute: "permute"
    case .reshape: "reshape"
    case .slice, .part: "slice"
    case .split, .splitSizes: "split"
    case .concatenate: "concatenate"
    case .stack: "stack"
    case .unstack: "unstack"
    case .reorder: "reorder"
    case .cast, .castEach: "cast"
    case .add: "add"
    case .scale: "scale"
    case .weightNorm: "weight_norm"
    case .batchNorm: "batch_norm"
    case .constant: "constant"
    case .share: "share"
    }
  }

  /// True if results are other numbers than those of the operands.
  public var computes: Bool {
    switch self {
    case .cast, .castEach, .add, .scale, .weightNorm, .batchNorm: true
    default: false
    }
  }

  var isCast: Bool {
    switch self {
    case .cast, .castEach: true
    default: false
    }
  }

  /// As mapping files and plans have it: the name alone, or an object with the name as its key.
  public var json: JSONValue {
    let argument: JSONValue? =
      switch self {
      case .transpose, .share: nil
      case .permute(let order): .init(order)
      case .reshape(let dimensions): .init(dimensions)
      case .slice(let axis, let start, let end): ["axis": .init(axis), "start": .init(start), "end": .init(end)]
      case .part(let axis, let index, let count): ["axis": .init(axis), "index": .init(index), "of": .init(count)]
      case .split(let axis, let parts): ["axis": .init(axis), "parts": .init(parts)]
      case .splitSizes(let axis, let sizes): ["axis": .init(axis), "sizes": .init(sizes)]
      case .concatenate(let axis), .stack(let axis), .unstack(let axis), .weightNorm(let axis): ["axis": .init(axis)]
      case .reorder(let axis, let order): ["axis": .init(axis), "order": .init(order)]
      case .cast(let dtype): .string(dtype.rawValue)
      case .castEach(let dtypes): .array(dtypes.map { .string($0.rawValue) })
      case .add(let number), .scale(let number): .number(number)
      case .batchNorm(let epsilon): ["epsilon": .number(epsilon)]
      case .constant(let type, let value):
        ["value": .number(value), "shape": JSONValue(type.shape), "dtype": .string(type.dtype.rawValue)]
      }
    return argument.map { .object([.init(name, $0)]) } ?? .string(name)
  }
}

extension TensorTransform: CustomStringConvertible {
  /// As tables print it, for example `split(axis 0, parts 3)`.
  public var description: String {
    guard let argument = json[name] else { return name }
    let members = argument.members?.map { "\($0.key) \($0.value.text(pretty: true))" }
    return "\(name)(\(members?.joined(separator: ", ") ?? argument.string ?? argument.text(pretty: true)))"
  }
}

extension JSONValue {
  init(_ numbers: [Int]) { self = .array(numbers.map { JSONValue($0) }) }
}

/// An element type and a shape: what is known of a tensor before it is read.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  public let dtype: DType
  public let shape: Shape

  public init(_ dtype: DType, _ shape: Shape) {
    self.dtype = dtype
    self.shape = shape
  }

  public var description: String { "\(dtype.rawValue) \(shape)" }
}
