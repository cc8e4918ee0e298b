public import TensorFerryTensors

/// A parameter that a model declares, with the sizes that depend on its configuration left open.
///
/// `fc.weight` of an attention classifier is `ParameterPattern("fc.weight", ["hidden", "input"])`: PyTorch's layout,
/// `[out, in]`. The names of the sizes are shared by all parameters of the model, so that one tensor's shape tells
/// what another's must be.
public struct ParameterPattern: Hashable, Sendable {
  /// One dimension: a number that is always the same, or the name of a size.
  public enum Dimension: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case fixed(Int)
    case size(String)

    public init(stringLiteral name: String) { self = .size(name) }
    public init(integerLiteral count: Int) { self = .fixed(count) }

    /// The number, if it is fixed or its size is known.
    func value(in sizes: [String: Int]) -> Int? {
      switch self {
      case .fixed(let count): count
      case .size(let name): sizes[name]
      }
    }
  }

  /// The name in PyTorch's notation, for example `fc.weight`.
  public let name: String
  public let dimensions: [Dimension]
  /// The element types that it may have.
  public let dtypes: Set<DType>
  /// Which axis of the matrix counts the results of the layer; nil for what is no matrix of a layer.
  public let layout: ParameterLayout?

  /// - Parameter dtypes: those that widen to float32 without loss, if nothing else is said.
  public init(
    _ name: String, _ dimensions: [Dimension], dtypes: Set<DType> = [.f32, .f16, .bf16],
    layout: ParameterLayout? = nil
  ) {
    self.name = name
    self.dimensions = dimensions
    self.dtypes = dtypes
    self.layout = layout
  }

  /// The shape if all its sizes are known.
  public func shape(in sizes: [String: Int]) -> Shape? {
    let values = dimensions.compactMap { $0.value(in: sizes) }
    return values.count == dimensions.count ? try? Shape(values) : nil
  }

  /// The parameter with the sizes put in.
  ///
  /// - Throws: ``TensorError`` with code `.sizeOverflow` if a size is not given or the product overflows.
  package func spec(in sizes: [String: Int]) throws -> ParameterSpec {
    guard let shape = shape(in: sizes) else {
      throw TensorError(.sizeOverflow, "the shape \(description(in: sizes)) has no size", tensor: name)
    }
    return ParameterSpec(name, shape)
  }

  /// The shape for a message: numbers where they are known, names where they are not, for example `[32, input]`.
  func description(in sizes: [String: Int]) -> String {
    let parts = dimensions.map { dimension -> String in
      switch dimension {
      case .fixed(let count): String(count)
      case .size(let name): sizes[name].map(String.init) ?? name
      }
    }
    return "[" + parts.joined(separator: ", ") + "]"
  }

  /// True if a tensor of these dimensions contradicts nothing that is known.
  func accepts(_ found: [Int], in sizes: [String: Int]) -> Bool {
    guard found.count == dimensions.count else { return false }
    var sizes = sizes
    for (dimension, count) in zip(dimensions, found) {
      if let value = dimension.value(in: sizes) {
        guard value == count else { return false }
      } else if case .size(let name) = dimension {
        sizes[name] = count
      }
    }
    return true
  }
}
